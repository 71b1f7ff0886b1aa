"""What is inside, as CycloneDX 1.6: the lock's packages with their hashes; both images' Python and Debian packages.

The same contents give the same file: its serial number is made of them, its time is that of the commit.

Example: python -m delivery.sbom --container podman --only lock
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

import casa
from delivery.commit import committed
from delivery.content import Package, debian, locked, pythons

PROJECT = Path(__file__).parents[1]
FOLDER = PROJECT / "build" / "sbom"
IMAGES = {"casa": "localhost/casa:dev", "casa-pipeline": "localhost/casa-pipeline:dev"}
LOOK = """
import importlib.metadata as m, json, pathlib
status = pathlib.Path("/var/lib/dpkg/status")
print(json.dumps({
    "debian": status.read_text() if status.exists() else "",
    "release": pathlib.Path("/etc/os-release").read_text(),
    "python": [m.distribution(n).metadata.json for n in sorted({d.metadata["Name"] for d in m.distributions()})],
}))
"""
"""What an image says of itself, asked with its own Python and without a network."""


def main(argv: Sequence[str] = ()) -> None:
    """Write an SBOM for each of the lock and the images."""
    options = _options(argv)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in options.only or ("lock", *IMAGES):
        packages = of_lock() if name == "lock" else of_image(IMAGES[name], container=options.container)
        kind = ComponentType.APPLICATION if name == "lock" else ComponentType.CONTAINER
        path = FOLDER / f"{name}.cdx.json"
        path.write_text(document(name, packages, kind=kind), encoding="utf-8")
        print(f"{path.relative_to(PROJECT)}: {len(packages)} packages")


def of_lock() -> list[Package]:
    """Every package of requirements.lock."""
    return [*locked((PROJECT / "requirements.lock").read_text())]


def of_image(image: str, *, container: str) -> list[Package]:
    """Every Python and Debian package that is installed in an image."""
    # A rig may switch control groups off for builds; a container that runs has them, as everywhere.
    own = ["--cgroups=enabled"] if Path(container).name == "podman" else []
    command = [container, "run", "--rm", "--network=none", *own, image, "python", "-c", LOOK]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return [*pythons(told["python"]), *debian(told["debian"])]


def document(name: str, packages: Sequence[Package], *, kind: ComponentType = ComponentType.APPLICATION) -> str:
    """The SBOM as JSON, checked against CycloneDX's own schema."""
    root = Component(name=name, version=casa.__version__, type=kind, bom_ref=name)
    bom = Bom(components=_components(packages))
    bom.metadata.component, bom.metadata.timestamp = root, committed(PROJECT)
    bom.register_dependency(root, bom.components)
    bom.serial_number = uuid5(NAMESPACE_URL, " ".join([name, *sorted(package.purl for package in packages)]))
    text = JsonV1Dot6(bom).output_as_string(indent=2)
    if flaw := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise SystemExit(f"{name}: no valid CycloneDX: {flaw}")
    return f"{text}\n"


def _components(packages: Iterable[Package]) -> Iterator[Component]:
    for package in packages:
        yield Component(
            name=package.name,
            version=package.version,
            type=ComponentType.LIBRARY,
            bom_ref=package.purl,
            purl=PackageURL.from_string(package.purl),
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=one) for one in package.hashes[:1]],
            licenses=_licences(package),
        )


def _licences(package: Package) -> list[LicenseExpression | DisjunctiveLicense]:
    if package.expression:
        return [LicenseExpression(package.expression)]
    return [DisjunctiveLicense(name=package.licence)] if package.licence else []


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m delivery.sbom", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--container", default="podman", help="the program that runs an image (default podman)")
    parser.add_argument("--only", action="append", choices=["lock", *IMAGES], help="one of them; may be repeated")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main(sys.argv[1:])
