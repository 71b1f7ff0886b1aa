"""Keys in a Secret of Kubernetes: kept by several at once, never lost, and never changed by a second install."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
import yaml
from typer.testing import CliRunner, Result

from casa.access.key_secret import KeySecret
from casa.access.keys import KeyStore
from casa.access.record import Grant, Record, make_key
from casa.cli.keys import app
from casa.errors import InvalidKeySource, NotFound
from tests.access.secrets_api import SecretsApi, connected, running

NOW = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def api() -> SecretsApi:
    return SecretsApi()


@pytest.fixture
def address(api: SecretsApi) -> Iterator[str]:
    with running(api) as address:
        yield address


@pytest.fixture
def keys(address: str) -> Iterator[KeySecret]:
    with connected(address) as cluster:
        yield KeySecret(cluster, "casa-keys")


@pytest.fixture
def shell(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kubeconfig that leads there."""
    parts = {"cluster": {"server": address}, "user": {}, "context": {"cluster": "a", "user": "a", "namespace": "homes"}}
    config = {f"{name}s": [{"name": "a", name: part}] for name, part in parts.items()}
    (tmp_path / "config").write_text(yaml.safe_dump({**config, "current-context": "a"}))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))


def made(keys: KeySecret, client: str) -> tuple[str, Record]:
    return make_key(Grant(client=client), pepper=keys.pepper().encode(), random=Random(client), now=NOW)


def run(*words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--secret", "casa-keys"])


def test_a_kept_key_opens_a_service_that_mounts_it(keys: KeySecret) -> None:
    token, record = made(keys, "acme")
    keys.add(record, actor="tester")
    store = KeyStore(keys.pepper().encode())
    store.replace((one.key() for one in keys.read()), now=NOW)
    assert store.authenticate(token, now=NOW).client == "acme"


def test_the_pepper_is_made_once(keys: KeySecret) -> None:
    assert len({keys.pepper(), keys.pepper()}) == 1


def test_two_who_add_at_once_lose_no_key(keys: KeySecret, api: SecretsApi) -> None:
    first, second = made(keys, "acme")[1], made(keys, "globex")[1]
    api.before_write.append(lambda: keys.add(second, actor="other"))
    keys.add(first, actor="tester")
    assert {one.client for one in keys.read()} == {"acme", "globex"}


def test_two_who_make_the_secret_at_once_share_a_pepper(keys: KeySecret, api: SecretsApi) -> None:
    others = list[str]()
    api.before_write.append(lambda: others.append(keys.pepper()))
    assert [keys.pepper()] == others


def test_an_entry_is_kept_once_and_leaves_no_second_key(keys: KeySecret, api: SecretsApi) -> None:
    tokens = [made(keys, client) for client in ("test", "again")]
    api.before_write.append(lambda: keys.keep(tokens[1][1], tokens[1][0], entry="test-key"))
    keys.keep(tokens[0][1], tokens[0][0], entry="test-key")
    assert [one.client for one in keys.read()] == ["again"]


def test_a_revoked_key_stays_revoked(keys: KeySecret) -> None:
    record = made(keys, "acme")[1]
    keys.add(record, actor="tester")
    for day in (1, 2):
        keys.revoke(record.id, actor="tester", now=NOW.replace(day=day))
    assert [one.revoked for one in keys.read()] == [NOW.replace(day=1)]


def test_a_key_that_is_not_there_cannot_be_revoked(keys: KeySecret) -> None:
    with pytest.raises(NotFound):
        keys.revoke("nobody", actor="tester", now=NOW)


def test_what_is_no_page_of_keys_is_left_as_it_is(keys: KeySecret, api: SecretsApi) -> None:
    keys.pepper()
    api.secrets["casa-keys"]["data"]["keys.json"] = "e30="
    with pytest.raises(InvalidKeySource, match="casa-keys"):
        keys.add(made(keys, "acme")[1], actor="tester")


def test_uninstalling_leaves_it(keys: KeySecret, api: SecretsApi) -> None:
    keys.pepper()
    assert api.secrets["casa-keys"]["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


@pytest.mark.usefixtures("shell")
def test_the_command_prints_a_key_that_is_listed_there() -> None:
    token = run("create", "--client", "acme").stdout.strip()
    (row,) = json.loads(run("list").stdout)
    assert token.startswith(f"casa_{row['id']}_")


@pytest.mark.usefixtures("shell")
def test_a_kept_key_is_not_printed_and_the_second_time_not_made() -> None:
    said = [run("create", "--client", "test", "--keep", "test-key") for _ in range(2)]
    assert [(one.exit_code, one.stdout) for one in said] == [(0, ""), (0, "")], said[0].stderr
    assert "has test-key already" in said[1].stderr
    assert len(json.loads(run("list").stdout)) == 1


@pytest.mark.parametrize("words", [["--keep", "entry"], ["--file", "a", "--secret", "b"]])
def test_places_that_do_not_go_together_are_wrong_usage(words: list[str], tmp_path: Path) -> None:
    place = ["--file", str(tmp_path / "keys.json")] if words[0] == "--keep" else []
    assert CliRunner().invoke(app, ["create", "--client", "acme", *words, *place]).exit_code == 2


def test_without_a_cluster_a_sentence_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    result = run("list")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
