"""Keys: which ones open, where they are kept, and how the store follows its source."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from casa.access.key_file import KeyFile
from casa.access.key_table import KeyTable
from casa.access.keys import KeyStore
from casa.access.opening import Access, open_access
from casa.access.pepper import is_loopback, keep_pepper
from casa.access.quota import DEFAULT, Quota, parse_quota
from casa.access.record import Grant, Record, live_quota, make_key
from casa.access.refresher import Refresher
from casa.access.token import checksum
from casa.database import open_database, reading, writing
from casa.errors import InvalidKey, InvalidKeySource, InvalidSettings, NotFound
from casa.migration import migrate
from casa.monitoring.metrics import Metrics
from casa.schema import AUDIT, KEYS
from casa.settings import Settings

TODAY = datetime(2026, 5, 1, tzinfo=UTC)
TOMORROW = TODAY + timedelta(days=1)
PEPPER = b"pepper of these tests, 32 bytes."
RANDOM = Random(7)


def make(**words: object) -> tuple[str, Record]:
    grant = Grant.model_validate({"client": "acme", **words})
    return make_key(grant, pepper=PEPPER, random=RANDOM, now=TODAY)


def store_of(*records: Record) -> KeyStore:
    store = KeyStore(PEPPER)
    store.replace((record.key() for record in records), now=TODAY)
    return store


LIVE, LIVE_RECORD = make()
EXPIRED, EXPIRED_RECORD = make(expires=TODAY)
REVOKED, REVOKED_RECORD = make()
UNKNOWN, _ = make()
WRONG = LIVE[:20] + ("x" if LIVE[20] != "x" else "y") + LIVE[21:-6]
WRONG += checksum(WRONG)
BAD = {"unknown": UNKNOWN, "wrong": WRONG, "expired": EXPIRED, "revoked": REVOKED}


@pytest.fixture
def store() -> KeyStore:
    return store_of(LIVE_RECORD, EXPIRED_RECORD, REVOKED_RECORD.model_copy(update={"revoked": TODAY}))


def test_a_live_key_opens(store: KeyStore) -> None:
    key = store.authenticate(LIVE, now=TODAY)
    assert (key.client, key.quota) == ("acme", Quota(100, 60))
    assert key.scopes == {"predict"}


@pytest.mark.parametrize("token", [*BAD.values(), "", "x", LIVE[:-1], LIVE + "x", "ключ", "\x00" * 44])
def test_every_bad_key_is_refused_with_the_same_words(store: KeyStore, token: str) -> None:
    with pytest.raises(InvalidKey, match=r"^unknown, wrong, expired or revoked key$") as refusal:
        store.authenticate(token, now=TODAY)
    assert refusal.value.challenge == 'Bearer realm="casa", error="invalid_token"'


def test_every_bad_key_is_refused_by_the_same_work(store: KeyStore) -> None:
    """The same calls in the same order take the same time; a clock would measure the machine."""
    first, *others = [_calls(store, token) for token in BAD.values()]
    assert "compare_digest" in first
    assert all(calls == first for calls in others)


def _calls(store: KeyStore, token: str) -> list[str]:
    """Every function that a refusal calls, Python's and C's."""
    calls: list[str] = []

    def note(frame: FrameType, event: str, argument: Any) -> None:  # a C function, where one is called
        if event in ("call", "c_call"):
            calls.append(frame.f_code.co_name if event == "call" else argument.__name__)

    sys.setprofile(note)
    try:
        with suppress(InvalidKey):
            store.authenticate(token, now=TODAY)
    finally:
        sys.setprofile(None)
    return calls


def test_a_key_expires_between_two_calls() -> None:
    token, record = make(expires=TOMORROW)
    store = store_of(record)
    store.authenticate(token, now=TODAY)
    with pytest.raises(InvalidKey):
        store.authenticate(token, now=TOMORROW)


def test_a_key_that_was_used_is_refused_once_it_is_revoked() -> None:
    store = store_of(LIVE_RECORD)
    store.authenticate(LIVE, now=TODAY)
    store.replace([LIVE_RECORD.model_copy(update={"revoked": TODAY}).key()], now=TODAY)
    with pytest.raises(InvalidKey):
        store.authenticate(LIVE, now=TODAY)


def test_another_pepper_opens_nothing() -> None:
    store = KeyStore(b"another pepper, another pepper ..")
    store.replace([LIVE_RECORD.key()], now=TODAY)
    with pytest.raises(InvalidKey):
        store.authenticate(LIVE, now=TODAY)


def test_a_client_has_the_quota_of_its_newest_key() -> None:
    _, newer = make(quota="5/day")
    newer = newer.model_copy(update={"created": TOMORROW})
    assert store_of(newer, LIVE_RECORD).authenticate(LIVE, now=TODAY).quota == Quota(5, 86_400)
    assert live_quota([newer, LIVE_RECORD], "acme", now=TODAY) == "5/day"


def test_a_key_that_has_expired_says_nothing_of_its_clients_quota() -> None:
    _, trial = make(quota="unlimited", expires=TOMORROW)
    trial = trial.model_copy(update={"created": LIVE_RECORD.created + timedelta(hours=1)})
    store = store_of(trial, LIVE_RECORD)
    assert store.authenticate(LIVE, now=TODAY).quota is None
    assert store.until == TOMORROW
    store.replace([trial.key(), LIVE_RECORD.key()], now=TOMORROW)
    assert store.authenticate(LIVE, now=TOMORROW).quota == parse_quota(DEFAULT)
    assert live_quota([trial, LIVE_RECORD], "acme", now=TOMORROW) == DEFAULT


def test_a_digest_is_not_shown() -> None:
    assert LIVE_RECORD.digest not in repr(LIVE_RECORD)
    assert "digest" not in repr(LIVE_RECORD.key())


# Where keys are kept: one suite for the table, in both databases, and for the file.


@pytest.fixture(params=["file", "sqlite", "postgresql"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KeyTable | KeyFile]:
    if request.param == "file":
        yield KeyFile(tmp_path / "keys.json")
        return
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    engine = open_database(Settings(data_dir=tmp_path, database_url=url and SecretStr(url)))
    migrate(engine)
    table = KeyTable(engine)
    yield table
    table.close()
    engine.dispose()


def test_a_kept_key_is_read_as_it_was_written(shelf: KeyTable | KeyFile) -> None:
    _, record = make(scopes=["predict", "admin"], quota="7/hour", expires=TOMORROW)
    shelf.add(record, actor="me")
    shelf.add(LIVE_RECORD, actor="me")
    assert sorted(shelf.read(), key=lambda each: each.quota) == [LIVE_RECORD, record]


def test_a_revoked_key_stays_revoked(shelf: KeyTable | KeyFile) -> None:
    shelf.add(LIVE_RECORD, actor="me")
    for now in (TODAY, TOMORROW):
        shelf.revoke(LIVE_RECORD.id, actor="me", now=now)
    assert [record.revoked for record in shelf.read()] == [TODAY]


def test_revoking_an_unknown_key_says_so(shelf: KeyTable | KeyFile) -> None:
    shelf.add(LIVE_RECORD, actor="me")
    with pytest.raises(NotFound, match="no key has the id 'nobody'"):
        shelf.revoke("nobody", actor="me", now=TODAY)


def test_the_mark_differs_once_keys_have_changed(shelf: KeyTable | KeyFile) -> None:
    shelf.add(LIVE_RECORD, actor="me")
    marks = [shelf.mark(), shelf.mark()]
    shelf.revoke(LIVE_RECORD.id, actor="me", now=TODAY)
    marks.append(shelf.mark())
    assert marks[0] == marks[1] != marks[2]


def test_a_running_store_follows_its_source(shelf: KeyTable | KeyFile) -> None:
    shelf.add(LIVE_RECORD, actor="me")
    store = KeyStore(PEPPER)
    refresher = Refresher(shelf, store, metrics=Metrics())
    refresher.look()
    store.authenticate(LIVE, now=TODAY)
    shelf.revoke(LIVE_RECORD.id, actor="me", now=TODAY)
    refresher.look()
    with pytest.raises(InvalidKey):
        store.authenticate(LIVE, now=TODAY)


def test_a_running_store_sees_that_a_key_has_expired(shelf: KeyTable | KeyFile) -> None:
    _, trial = make(quota="unlimited", expires=TOMORROW)
    for record in (LIVE_RECORD, trial.model_copy(update={"created": TODAY + timedelta(hours=1)})):
        shelf.add(record, actor="me")
    store, clock = KeyStore(PEPPER), [TODAY]
    refresher = Refresher(shelf, store, metrics=Metrics(), now=lambda: clock[0])
    refresher.look()
    assert store.authenticate(LIVE, now=TODAY).quota is None
    clock[0] = TOMORROW
    refresher.look()
    assert store.authenticate(LIVE, now=TOMORROW).quota == parse_quota(DEFAULT)


@pytest.mark.parametrize("shelf", ["sqlite", "postgresql"], indirect=True)
def test_making_and_revoking_are_audited(shelf: KeyTable) -> None:
    shelf.add(LIVE_RECORD, actor="me")
    shelf.revoke(LIVE_RECORD.id, actor="you", now=TOMORROW)
    with reading(shelf._engine) as connection:
        lines = connection.execute(select(AUDIT.c.actor, AUDIT.c.action, AUDIT.c.subject)).all()
    assert lines == [("me", "key made", LIVE_RECORD.id), ("you", "key revoked", LIVE_RECORD.id)]


@pytest.mark.parametrize("shelf", ["sqlite", "postgresql"], indirect=True)
def test_a_row_that_is_no_key_is_said(shelf: KeyTable) -> None:
    shelf.add(LIVE_RECORD, actor="me")
    with writing(shelf._engine) as connection:
        connection.execute(KEYS.update().values(digest="short"))
    with pytest.raises(InvalidKeySource, match="digest"):
        shelf.read()


# How a service starts.


def start(settings: Settings, host: str = "127.0.0.1") -> Access:
    engine = open_database(settings)
    try:
        migrate(engine)
        access = open_access(settings, engine, host=host, metrics=Metrics(), now=TODAY)
        access.refresher.stop()
    finally:
        engine.dispose()
    return access


def test_a_loopback_start_makes_a_key_for_everything(tmp_path: Path) -> None:
    access = start(Settings(data_dir=tmp_path / "casa"))
    key = access.gate.enter(access.local_key, scope="admin", now=TODAY)
    assert key.scopes == {"predict", "feedback", "monitor", "admin"}
    assert key.quota is None
    assert (tmp_path / "casa").stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "casa").iterdir()}.items() >= {
        ("casa.db", 0o600),
        ("local.key", 0o600),
        ("pepper", 0o600),
    }


def test_the_next_loopback_start_finds_the_same_key(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    assert start(settings).local_key == start(settings).local_key


def test_starts_at_once_make_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        starts = [pool.submit(start, Settings(data_dir=tmp_path)) for _ in range(4)]
    assert len({each.result().local_key for each in starts}) == 1


def test_a_lost_local_key_is_made_anew(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    first = start(settings).local_key
    (tmp_path / "local.key").unlink()
    second = start(settings)
    assert second.local_key != first
    second.gate.enter(second.local_key, scope="predict", now=TODAY)


def test_a_loopback_start_with_another_key_makes_none(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    engine = open_database(settings)
    migrate(engine)
    KeyTable(engine).add(LIVE_RECORD, actor="me")
    engine.dispose()
    assert start(settings).local_key is None


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "casa.example"])
def test_a_start_that_others_can_reach_needs_a_pepper(tmp_path: Path, host: str) -> None:
    with pytest.raises(InvalidSettings, match="CASA_KEY_PEPPER must be set"):
        start(Settings(data_dir=tmp_path), host)


def test_a_start_that_others_can_reach_needs_a_key(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="holds no live key"):
        start(Settings(data_dir=tmp_path, key_pepper=SecretStr(PEPPER.decode())), "0.0.0.0")


def test_a_start_that_others_can_reach_runs_with_both(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    file.add(LIVE_RECORD, actor="me")
    settings = Settings(data_dir=tmp_path, key_pepper=SecretStr(PEPPER.decode()), keys_file=tmp_path / "keys.json")
    access = start(settings, "0.0.0.0")
    assert access.local_key is None
    assert access.gate.enter(LIVE, scope="predict", now=TODAY).client == "acme"


def test_loopback_is_what_only_this_machine_reaches() -> None:
    assert all(map(is_loopback, ["localhost", "127.0.0.1", "127.8.8.8", "::1"]))
    assert not any(map(is_loopback, ["", "0.0.0.0", "::", "10.0.0.1", "localhost.example"]))


def test_of_two_peppers_made_at_once_one_is_kept(tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        peppers = set(pool.map(keep_pepper, [Settings(data_dir=tmp_path)] * 8))
    assert peppers == {(tmp_path / "pepper").read_bytes()}
