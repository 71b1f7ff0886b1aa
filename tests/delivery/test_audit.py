import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from delivery.audit import FRESH, LOCK, Answer, keep, remembered

NOW = datetime(2026, 2, 3, tzinfo=UTC)
ANSWER = Answer(NOW, "ab12", 3, ["a 1.0: PYSEC-1, mended in 1.1"])


def test_the_last_answer_counts_for_a_week_and_shows_its_day(tmp_path: Path) -> None:
    keep(tmp_path / "audit.json", ANSWER)
    assert remembered(tmp_path / "audit.json", digest="ab12", now=NOW + FRESH) == ANSWER
    assert remembered(tmp_path / "audit.json", digest="ab12", now=NOW + FRESH + timedelta(seconds=1)) is None
    assert "2026-02-03" in ANSWER.told()


def test_an_answer_about_another_lock_counts_for_nothing(tmp_path: Path) -> None:
    keep(tmp_path / "audit.json", ANSWER)
    assert remembered(tmp_path / "audit.json", digest="cd34", now=NOW) is None


def audit(record: Path) -> subprocess.CompletedProcess[str]:
    """The audit on a machine that reaches nobody."""
    nowhere = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    command = [sys.executable, "-m", "delivery.audit", str(record)]
    return subprocess.run(command, cwd=LOCK.parent, env={**os.environ, **nowhere}, capture_output=True, text=True)


def test_an_index_out_of_reach_is_no_good_news(tmp_path: Path) -> None:
    done = audit(tmp_path / "audit.json")
    assert done.returncode == 1
    assert "nothing is known" in done.stderr
