"""A keys file that changes under a running service: replaced, emptied, spoilt, gone, swapped by a link."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from structlog.testing import capture_logs

from casa.access.key_file import KeyFile, Page
from casa.access.keys import KeyStore
from casa.access.record import Grant, make_key
from casa.access.refresher import SECONDS, Refresher
from casa.errors import InvalidKey, InvalidKeySource
from casa.monitoring.metrics import Metrics
from casa.private_file import write_private
from tests.servers import until

TODAY = datetime(2026, 5, 1, tzinfo=UTC)
PEPPER = b"pepper of these tests, 32 bytes."
RANDOM = Random(3)
OLD, OLD_RECORD = make_key(Grant(client="old"), pepper=PEPPER, random=RANDOM, now=TODAY)
NEW, NEW_RECORD = make_key(Grant(client="new"), pepper=PEPPER, random=RANDOM, now=TODAY)
OLD_PAGE, NEW_PAGE = (Page(keys=(record,)).model_dump_json() for record in (OLD_RECORD, NEW_RECORD))


class Service:
    """What a running service has of its keys, looked at every few milliseconds."""

    def __init__(self, path: Path) -> None:
        self._store = KeyStore(PEPPER)
        self._metrics = Metrics()
        self.refresher = Refresher(KeyFile(path), self._store, metrics=self._metrics, seconds=0.005)
        self.refresher.load()
        self.refresher.start()

    def opens(self, token: str) -> bool:
        try:
            return bool(self._store.authenticate(token, now=TODAY))
        except InvalidKey:
            return False

    def is_broken(self) -> bool:
        return self._metrics.registry.get_sample_value("casa_keys_source_broken") == 1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    path.write_text(OLD_PAGE)
    return path


@pytest.fixture
def service(path: Path) -> Iterator[Service]:
    service = Service(path)
    yield service
    service.refresher.stop()


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


BREAKS: dict[str, Callable[[Path], object]] = {
    "emptied": lambda path: path.write_text(""),
    "without keys": lambda path: path.write_text('{"keys": []}'),
    "bytes that are no text": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "half written": lambda path: path.write_text(NEW_PAGE[:40]),
    "a misspelt field": lambda path: path.write_text(NEW_PAGE.replace("expires", "expire")),
    "a quota that is none": lambda path: path.write_text(NEW_PAGE.replace("100/minute", "often")),
    "one key twice": lambda path: path.write_text(Page(keys=(NEW_RECORD, NEW_RECORD)).model_dump_json()),
    "too large": lambda path: path.write_text(" " * (16 * 1024 * 1024 + 1)),
    "gone": Path.unlink,
    "unreadable": replace_by_folder,
}


@pytest.mark.parametrize("spoil", BREAKS.values(), ids=BREAKS)
def test_a_broken_file_keeps_the_old_keys(service: Service, path: Path, spoil: Callable[[Path], object]) -> None:
    spoil(path)
    until(service.is_broken)
    assert service.opens(OLD)
    assert not service.opens(NEW)


def test_a_broken_file_is_said_once_and_its_return_too(path: Path) -> None:
    with capture_logs() as lines:
        refresher = Refresher(KeyFile(path), KeyStore(PEPPER), metrics=Metrics())
        for page in (OLD_PAGE, "", "", "spoilt", OLD_PAGE, OLD_PAGE):
            path.write_text(page)
            refresher.look()
    assert [line["event"] for line in lines] == ["keys source broken, the old keys stay", "keys source whole again"]


@pytest.mark.parametrize("change", [Path.write_text, write_private], ids=["in place", "at once"])
def test_a_replaced_file_is_in_force(service: Service, path: Path, change: Callable[[Path, str], object]) -> None:
    change(path, NEW_PAGE)
    until(lambda: service.opens(NEW))
    assert not service.opens(OLD)


def test_a_secret_that_kubernetes_swaps_is_in_force(tmp_path: Path) -> None:
    for name, page in (("..1", OLD_PAGE), ("..2", NEW_PAGE)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "keys.json").write_text(page)
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "keys.json").symlink_to("..data/keys.json")
    service = Service(tmp_path / "keys.json")
    (tmp_path / "..data_tmp").symlink_to("..2")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    until(lambda: service.opens(NEW))
    service.refresher.stop()


def test_a_broken_file_is_refused_at_the_start(path: Path) -> None:
    path.write_text('{"keys": [{"id": "x"}]}')
    with pytest.raises(InvalidKeySource, match=r"keys\.json cannot be used: keys\.0\.id"):
        Service(path)


def test_a_sentence_never_repeats_what_the_file_holds(path: Path) -> None:
    path.write_text(OLD_PAGE.replace(OLD_RECORD.digest, "hunter2"))
    with pytest.raises(InvalidKeySource) as refusal:
        KeyFile(path).read()
    assert "hunter2" not in str(refusal.value)


def test_a_change_is_seen_within_the_promised_time() -> None:
    assert SECONDS <= 5 / 2
