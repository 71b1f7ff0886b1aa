"""All benchmarks, one after the other.

Example: python -m benchmarks startup engines   (all of them without names)
"""

from __future__ import annotations

import importlib
import sys

BENCHMARKS = (
    *("startup", "engines", "request", "serving", "quota", "overload"),
    *("drift", "journal", "pages", "repeatability", "model_quality"),
)


def main(names: list[str]) -> None:
    """Run the named benchmarks; exits with what is unknown."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        raise SystemExit(f"no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    for name in names or BENCHMARKS:
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main(sys.argv[1:])
