"""Parcels: the same bytes for the same files, and nothing that leaves the folder."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from casa.errors import InvalidBundle
from casa.model import parcel
from casa.model.parcel import lay, pack, unpack

FILES = {"card.md": b"# A model\n", "plots/shap.png": bytes(range(256)), "empty": b""}


def test_files_come_back() -> None:
    assert unpack(pack(FILES)) == FILES


def test_the_same_files_are_the_same_bytes() -> None:
    assert pack(dict(reversed(FILES.items()))) == pack(FILES)


@pytest.mark.parametrize("keep", [0, 4, 30, 200, -1])
def test_a_cut_parcel_is_refused(keep: int) -> None:
    with pytest.raises(InvalidBundle, match="damaged"):
        unpack(pack(FILES)[:keep])


def test_a_parcel_that_would_swell_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parcel, "LARGEST_FILE", 1000)
    swollen = io.BytesIO()
    with zipfile.ZipFile(swollen, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("card.md", b"\0" * 1001)
    with pytest.raises(InvalidBundle, match="larger than any"):
        unpack(swollen.getvalue())


@pytest.mark.parametrize("name", ["../up", "/etc/passwd", "a/../../b", "", ".", "a\\b", "a\0b"])
def test_a_name_that_leads_elsewhere_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidBundle, match="cannot be called"):
        lay({name: b""}, tmp_path / "folder")
    assert list(tmp_path.iterdir()) == []
