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
