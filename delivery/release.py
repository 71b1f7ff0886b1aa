"""All of a release, on this machine: changelog, commit, packages, images, chart, SBOMs, sums, tag. Nothing is pushed.

Run again after a failure, it goes on with the commit it has made. What comes out is in build/release.

Example: python -m delivery.release 1.0.0
"""

from __future__ import annotations

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from delivery import changelog, dist
from delivery.commit import committed, git

PROJECT = Path(__file__).parents[1]
SUMS = "SHA256SUMS"


def main(argv: Sequence[str]) -> None:
    """Release the version that is named; exits with a sentence if that cannot be."""
    options = _options(argv)
    if not options.version:
        raise SystemExit("which version? make release VERSION=1.2.3")
    try:
        release(options.version, PROJECT, container=options.container)
    except ValueError as error:
        raise SystemExit(str(error)) from error


def release(version: str, project: Path, *, container: str) -> None:
    """Commit, make and tag a version; ValueError says why that cannot be."""
    prepare(version, project)
    target = project / "build" / "release"
    shutil.rmtree(target, ignore_errors=True)
    make(version, project, target, container=container)
    sums(target)
    text = (project / "CHANGELOG.md").read_text(encoding="utf-8")
    git(
        "tag",
        "--annotate",
        f"v{version}",
        "--message",
        f"Casa {version}\n\n{changelog.notes(text, version)}",
        folder=project,
    )
    print(f"v{version} is in {target}; push it with: git push origin HEAD v{version}")


def prepare(version: str, project: Path) -> None:
    """Commit the version's number and changelog, unless an earlier try has; ValueError if tree or tags forbid it."""
    if git("status", "--porcelain", folder=project):
        raise ValueError("there are changes that are not committed")
    if git("tag", "--list", f"v{version}", folder=project):
        raise ValueError(f"there is a tag v{version} already")
    title = f"Casa {version}"
    if git("log", "-1", "--format=%s", folder=project) != title:
        number(version, project)
        git("commit", "--all", "--quiet", "--message", title, folder=project)


def number(version: str, project: Path) -> None:
    """Write the version into the changelog, the package and the chart."""
    log = project / "CHANGELOG.md"
    log.write_text(changelog.close(log.read_text("utf-8"), version, day=committed(project).date()), encoding="utf-8")
    _put(project / "casa" / "__init__.py", r'(?m)^__version__ = "(.*)"$', version)
    _put(project / "helm" / "casa" / "Chart.yaml", r"(?m)^version: (.*)$", version)


def make(version: str, project: Path, target: Path, *, container: str) -> None:
    """Wheel and sdist, images, chart, SBOMs and licences, all of the commit that is checked out."""
    dist.build(target, project=project)
    for words in (["make", "image"], ["make", "sbom", "licences"]):
        subprocess.run(words, cwd=project, check=True)
    package = ["helm", "package", "helm/casa", "--app-version", version, "--destination", str(target)]
    subprocess.run(package, cwd=project, check=True)
    shutil.copytree(project / "build" / "sbom", target, dirs_exist_ok=True)
    shutil.copy(project / "build" / "licences.md", target)
    for name in ("casa", "casa-pipeline"):
        subprocess.run([container, "tag", f"localhost/{name}:dev", f"localhost/{name}:{version}"], check=True)


def sums(target: Path) -> None:
    """The SHA-256 of each file, as `sha256sum --check` reads them."""
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(target.iterdir())]
    (target / SUMS).write_text("".join(lines), encoding="ascii")


def _put(path: Path, pattern: str, value: str) -> None:
    text = path.read_text(encoding="utf-8")
    found = re.search(pattern, text)
    if not found:
        raise ValueError(f"{path.name} has no version")
    path.write_text(f"{text[: found.start(1)]}{value}{text[found.end(1) :]}", encoding="utf-8")


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m delivery.release", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("version", nargs="?", help="like 1.2.3")
    parser.add_argument("--container", default="podman", help="the program that built the images (default podman)")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main(sys.argv[1:])
