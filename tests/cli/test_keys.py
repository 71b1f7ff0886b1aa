"""`casa keys`, as a shell sees it."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner, Result

from casa.access.key_file import KeyFile
from casa.access.keys import KeyStore
from casa.access.token import parse_token
from casa.cli.keys import app
from casa.database import open_database, reading
from casa.schema import AUDIT
from casa.settings import Settings

PEPPER = "pepper of these tests, 32 bytes."


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CASA_DATA_DIR", str(tmp_path))
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def create(*words: str) -> str:
    result = run("create", "--client", "acme", *words)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def listed(*words: str) -> list[dict[str, object]]:
    return list(json.loads(run("list", *words).stdout))


def test_create_prints_nothing_but_the_key_to_a_pipe() -> None:
    result = run("create", "--client", "acme")
    assert parse_token(result.stdout.removesuffix("\n"))
    assert "It is not shown again" in result.stderr


def test_a_key_is_listed_as_it_was_made() -> None:
    token = create("--scope", "predict", "--scope", "monitor", "--quota", "5/day", "--expires", "90d")
    (row,) = listed()
    assert row.items() >= {"id": parse_token(token), "client": "acme", "quota": "5/day", "state": "live"}.items()
    assert row["scopes"] == ["predict", "monitor"]
    age = datetime.fromisoformat(str(row["expires"])) - datetime.fromisoformat(str(row["created"]))
    assert age.days == 90


def test_a_list_shows_no_secret() -> None:
    token = create()
    assert token not in run("list").stdout
    assert "digest" not in run("list").stdout


def test_a_revoked_key_is_listed_as_revoked() -> None:
    assert run("revoke", parse_token(create())).exit_code == 0
    assert [row["state"] for row in listed()] == ["revoked"]


def test_a_second_key_has_the_clients_quota() -> None:
    create("--quota", "7/hour")
    create()
    assert [row["quota"] for row in listed()] == ["7/hour", "7/hour"]


def test_what_is_done_is_audited(home: Path) -> None:
    run("revoke", parse_token(create()))
    engine = open_database(Settings(data_dir=home))
    with reading(engine) as connection:
        assert list(connection.execute(select(AUDIT.c.action)).scalars()) == ["key made", "key revoked"]
    engine.dispose()


def test_json_holds_the_key_and_what_is_kept_of_it() -> None:
    answer = json.loads(create("--json"))
    assert answer["record"]["id"] == parse_token(answer["key"])
    assert answer["key"] not in json.dumps(answer["record"])


def test_a_key_in_a_file_opens_a_service_that_reads_it(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASA_KEY_PEPPER", PEPPER)
    file = home / "secret" / "keys.json"
    token = create("--file", str(file))
    store = KeyStore(PEPPER.encode())
    store.replace((record.key() for record in KeyFile(file).read()), now=datetime.now(UTC))
    assert store.authenticate(token, now=datetime.now(UTC)).client == "acme"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_key_in_a_file_is_revoked_there(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASA_KEY_PEPPER", PEPPER)
    monkeypatch.setenv("CASA_KEYS_FILE", str(home / "keys.json"))
    tokens = [create(), create()]
    assert run("revoke", parse_token(tokens[0])).exit_code == 0
    assert [row["state"] for row in listed()] == ["revoked", "live"]


def test_a_key_elsewhere_needs_the_services_pepper(home: Path) -> None:
    result = run("create", "--client", "acme", "--file", str(home / "keys.json"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("casa: set CASA_KEY_PEPPER as the service has it")


def test_an_error_is_one_sentence() -> None:
    result = run("revoke", "nobody")
    assert (result.exit_code, result.stderr) == (1, "casa: no key has the id 'nobody'\n")


@pytest.mark.parametrize(
    "words",
    [["--quota", "often"], ["--expires", "soon"], ["--expires", "0d"], ["--scope", "all"], ["--client", "a b"]],
)
def test_wrong_usage_is_told_apart(words: list[str]) -> None:
    assert run("create", "--client", "acme", *words).exit_code == 2


@pytest.mark.parametrize("command", ["create", "list", "revoke"])
def test_help_has_an_example(command: str) -> None:
    assert f"Example: casa keys {command}" in run(command, "--help").stdout
