"""Does a package of the lock have a known hole? pip-audit asks the package index; each answer is kept with its date.

Where the index is out of reach, the last answer counts if it is about this very lock and at most a week old; it is
shown with its date. Without one nothing is known, and that is a failure. A package the index does not know fails, too.

Example: python -m delivery.audit
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

PROJECT = Path(__file__).parents[1]
LOCK, RECORD = PROJECT / "requirements.lock", PROJECT / "build" / "audit.json"
FRESH = timedelta(days=7)


class Answer(NamedTuple):
    """What is known of a lock, and since when."""

    day: datetime
    lock: str
    """SHA-256 of the lock."""
    packages: int
    holes: list[str]

    def told(self) -> str:
        """One line a hole, under what was asked and when."""
        head = f"{self.packages} packages, {len(self.holes)} known holes on {self.day:%Y-%m-%d %H:%M} UTC"
        return "\n".join([head, *self.holes])


def main(argv: Sequence[str] = ()) -> None:
    """Print what is known; exits with 1 if that is a hole, or nothing."""
    record = Path(argv[0]) if argv else RECORD
    digest, now = hashlib.sha256(LOCK.read_bytes()).hexdigest(), datetime.now(UTC)
    answer = ask(LOCK, digest=digest, now=now)
    if answer:
        keep(record, answer)
    elif answer := remembered(record, digest=digest, now=now):
        print("the index is out of reach; this is its last answer", file=sys.stderr)
    else:
        raise SystemExit("the index is out of reach, and has not answered about this lock for a week: nothing is known")
    print(answer.told())
    raise SystemExit(1 if answer.holes else 0)


def ask(lock: Path, *, digest: str, now: datetime) -> Answer | None:
    """The index's answer; None if it gave none for some package."""
    # --strict: without it, packages that were never looked up count as sound.
    words = ["--strict", "--require-hashes", "--disable-pip", "--format=json", "--progress-spinner=off", "--timeout=10"]
    command = [sys.executable, "-m", "pip_audit", *words, f"--requirement={lock}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        print(*done.stderr.strip().split("\n")[-1:], file=sys.stderr)
        return None
    packages = json.loads(done.stdout)["dependencies"]
    return Answer(now, digest, len(packages), [hole for package in packages for hole in _holes(package)])


def keep(record: Path, answer: Answer) -> None:
    """Write an answer down."""
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps({**answer._asdict(), "day": answer.day.isoformat()}, indent=2), encoding="utf-8")


def remembered(record: Path, *, digest: str, now: datetime) -> Answer | None:
    """The last answer, if it is about this lock and fresh."""
    if not record.is_file():
        return None
    told = json.loads(record.read_text(encoding="utf-8"))
    answer = Answer(**{**told, "day": datetime.fromisoformat(told["day"])})
    return answer if answer.lock == digest and now - answer.day <= FRESH else None


def _holes(package: Mapping[str, Any]) -> list[str]:
    name = f"{package['name']} {package['version']}"
    return [
        f"{name}: {one['id']}, mended in {', '.join(one['fix_versions']) or 'no version'}" for one in package["vulns"]
    ]


if __name__ == "__main__":
    main(sys.argv[1:])
