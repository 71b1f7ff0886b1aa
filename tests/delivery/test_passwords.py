from pathlib import Path

import pytest

from delivery.passwords import keep


def read(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_passwords_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    folder = keep(tmp_path)
    made = read(folder)
    assert (folder.stat().st_mode & 0o777, (tmp_path / ".env").stat().st_mode & 0o777) == (0o700, 0o600)
    assert read(keep(tmp_path)) == made
    assert {path.name for path in tmp_path.iterdir()} == {".env", ".secrets"}


def test_no_two_machines_have_the_same(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    one, other = (read(keep(tmp_path / name)) for name in ("one", "other"))
    assert [name for name in one if one[name] == other[name]] == []


def test_what_its_owner_wrote_into_env_stays(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CASA_HTTP_PORT=8080")
    keep(tmp_path)
    assert (tmp_path / ".env").read_text() == "CASA_HTTP_PORT=8080\nSECRETS_FOLDER=./.secrets\n"


def test_a_folder_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    keep(tmp_path).chmod(0o755)
    with pytest.raises(SystemExit, match=r"others can enter .*: chmod 700 \.secrets"):
        keep(tmp_path)
