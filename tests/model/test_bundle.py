import shutil
from pathlib import Path

import orjson
import pytest

from casa.errors import InvalidBundle
from casa.house import HOUSE, Declaration
from casa.model import bundle
from casa.model.bundle import Bundle


@pytest.fixture
def copy(bundle_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle_folder, tmp_path / "bundle"))


def rewrite_manifest(folder: Path, **changes: object) -> None:
    path = folder / bundle.MANIFEST
    path.write_bytes(orjson.dumps({**orjson.loads(path.read_bytes()), **changes}))


def test_what_was_written_is_loaded(saved: Bundle, bundle_files: dict[str, bytes]) -> None:
    assert saved.files == bundle_files
    assert len(saved.version) == 12


def test_a_bundle_is_a_few_megabytes(saved: Bundle) -> None:
    assert sum(map(len, saved.files.values())) < 5_000_000


def test_no_file_of_a_bundle_is_a_pickle(saved: Bundle) -> None:
    assert not [name for name in saved.files if name.endswith((".pkl", ".pickle", ".joblib"))]


def test_a_changed_byte_in_any_file_is_refused(copy: Path) -> None:
    for path in [path for path in copy.rglob("*") if path.is_file()]:
        whole = path.read_bytes()
        path.write_bytes(whole[:-2] + bytes([whole[-2] ^ 1]) + whole[-1:])
        with pytest.raises(InvalidBundle):
            bundle.load(copy)
        path.write_bytes(whole)
    assert bundle.load(copy)


def test_a_missing_file_is_named(copy: Path, saved: Bundle) -> None:
    for name in saved.files:
        path = copy / name
        content = path.read_bytes()
        path.unlink()
        with pytest.raises(InvalidBundle, match=f"lacks {name}"):
            bundle.load(copy)
        path.write_bytes(content)


def test_a_file_the_manifest_does_not_name_is_refused(copy: Path) -> None:
    (copy / "extra.ubj").write_bytes(b"")
    with pytest.raises(InvalidBundle, match="extra.ubj"):
        bundle.load(copy)


def test_a_bundle_for_another_house_is_refused(copy: Path) -> None:
    other = Declaration(HOUSE.features[:-1], HOUSE.target)
    with pytest.raises(InvalidBundle, match="another declaration"):
        bundle.load(copy, declaration=other)


def test_another_format_is_refused_with_both_numbers(copy: Path) -> None:
    rewrite_manifest(copy, format=2)
    with pytest.raises(InvalidBundle, match="format 2, this Casa reads format 1"):
        bundle.load(copy)


def test_a_bundle_under_another_name_is_refused(copy: Path, saved: Bundle) -> None:
    with pytest.raises(InvalidBundle, match=f"version {saved.version}, not 0123456789ab"):
        bundle.load(copy, expect="0123456789ab")


def test_a_forged_manifest_does_not_keep_the_version(copy: Path, bundle_files: dict[str, bytes]) -> None:
    """Whoever changes a booster and its digest changes the version, which is checked against the name."""
    files = {**bundle_files, "difficulty.ubj": bundle_files["price-0.ubj"]}
    forged = bundle.write(copy.parent / "forged", files)
    with pytest.raises(InvalidBundle, match=forged):
        bundle.load(copy.parent / "forged", expect=bundle.load(copy).version)


@pytest.mark.parametrize("name", ["../model.json", "/etc/hostname", "plots/../../x"])
def test_a_manifest_cannot_lead_outside(copy: Path, saved: Bundle, name: str) -> None:
    files = orjson.loads((copy / bundle.MANIFEST).read_bytes())["files"]
    rewrite_manifest(copy, files={**files, name: "0" * 64})
    with pytest.raises(InvalidBundle, match="outside the bundle"):
        bundle.load(copy)


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b"\xff", b'{"format": 1}', b'{"format": 1, "files": 3}'])
def test_a_manifest_that_is_none_is_refused(copy: Path, text: bytes) -> None:
    (copy / bundle.MANIFEST).write_bytes(text)
    with pytest.raises(InvalidBundle):
        bundle.load(copy)


def test_an_incomplete_bundle_is_not_written(tmp_path: Path, bundle_files: dict[str, bytes]) -> None:
    files = {name: content for name, content in bundle_files.items() if name != "price-0.ubj"}
    with pytest.raises(InvalidBundle, match=r"lacks price-0\.ubj"):
        bundle.write(tmp_path / "bundle", files)
    assert not list(tmp_path.iterdir())


def test_lineage_does_not_enter_the_version(tmp_path: Path, saved: Bundle, bundle_files: dict[str, bytes]) -> None:
    files = {**bundle_files, bundle.LINEAGE: b'{"created": "another day"}'}
    assert bundle.write(tmp_path / "bundle", files) == saved.version


def test_what_decides_a_price_enters_the_version(tmp_path: Path, saved: Bundle, bundle_files: dict[str, bytes]) -> None:
    decisive = [name for name in bundle_files if name.endswith(".ubj")] + [bundle.GRAPH]
    for name in decisive:
        assert bundle.write(tmp_path / "bundle", {**bundle_files, name: b"other"}) != saved.version
