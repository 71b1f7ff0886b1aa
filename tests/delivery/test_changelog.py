from datetime import date

import pytest

from delivery.changelog import close, notes

LOG = "# Changelog\n\n## Unreleased\n\n### Added\n- A door.\n\n## 0.1.0 - 2026-01-01\n- A house.\n"
DAY = date(2026, 2, 3)


def test_what_is_unreleased_becomes_a_dated_version() -> None:
    text = close(LOG, "0.2.0", day=DAY)
    assert "## Unreleased\n\n## 0.2.0 - 2026-02-03\n\n### Added" in text
    assert notes(text, "0.2.0") == "### Added\n- A door."
    assert notes(text, "0.1.0") == "- A house."


@pytest.mark.parametrize("version", ["1", "v1.2.3", "1.2", "01.2.3", "1.2.3-rc1", ""])
def test_what_is_no_version_is_refused(version: str) -> None:
    with pytest.raises(ValueError, match="is no version"):
        close(LOG, version, day=DAY)


def test_a_version_is_released_once() -> None:
    with pytest.raises(ValueError, match=r"has 0\.1\.0 already"):
        close(LOG, "0.1.0", day=DAY)


def test_nothing_is_released_twice() -> None:
    with pytest.raises(ValueError, match="nothing unreleased"):
        close(close(LOG, "0.2.0", day=DAY), "0.3.0", day=DAY)
