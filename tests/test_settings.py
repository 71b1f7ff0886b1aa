from pathlib import Path

import pytest

from casa.errors import InvalidSettings
from casa.settings import Settings, load_settings


def test_settings_are_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASA_MAX_ROWS", "7")
    assert load_settings().max_rows == 7


def test_a_misspelt_setting_stops_the_start_and_is_named() -> None:
    with pytest.raises(InvalidSettings, match="CASA_MAX_ROWZ is no setting of Casa; did you mean CASA_MAX_ROWS"):
        load_settings({"CASA_MAX_ROWZ": "7"})


def test_a_setting_out_of_range_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASA_HTTP_PORT", "70000")
    with pytest.raises(InvalidSettings, match="CASA_HTTP_PORT cannot be used"):
        load_settings()


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().max_rows = 3  # type: ignore[misc]


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of secrets that the environment names."""
    monkeypatch.setenv("CASA_SECRETS_DIR", str(tmp_path))
    (tmp_path / "casa_key_pepper").write_text("0" * 32 + "\n")
    return tmp_path


def test_a_setting_may_be_a_file_among_others(secrets: Path) -> None:
    (secrets / "postgres_password").write_text("not ours")
    pepper = load_settings().key_pepper
    assert pepper is not None
    assert pepper.get_secret_value() == "0" * 32


def test_a_variable_wins_over_a_file(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (secrets / "casa_max_rows").write_text("7")
    monkeypatch.setenv("CASA_MAX_ROWS", "8")
    assert load_settings().max_rows == 8


def test_a_misspelt_file_stops_the_start_and_is_named(secrets: Path) -> None:
    (secrets / "casa_database_uri").write_text("sqlite:///casa.db")
    with pytest.raises(InvalidSettings, match="CASA_DATABASE_URI is no setting of Casa; did you mean"):
        load_settings()


def test_secrets_that_are_not_there_stop_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASA_SECRETS_DIR", "/nowhere")
    with pytest.raises(InvalidSettings, match="CASA_SECRETS_DIR cannot be read: /nowhere: No such file or directory"):
        load_settings()
