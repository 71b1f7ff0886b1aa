import json
import re
from pathlib import Path

from delivery.content import debian, locked, pythons
from delivery.sbom import document, of_lock

LOCK = (Path(__file__).parents[2] / "requirements.lock").read_text()


def test_the_sbom_holds_each_package_of_the_lock_with_a_hash() -> None:
    told = json.loads(document("lock", of_lock()))
    assert {(one["name"], one["version"]) for one in told["components"]} == set(
        re.findall(r"^([\w.-]+)==([^\s;]+)", LOCK, re.MULTILINE)
    )
    assert all(one["hashes"] for one in told["components"])


def test_the_same_contents_give_the_same_sbom() -> None:
    assert document("lock", of_lock()) == document("lock", of_lock()[::-1])


def test_every_pin_of_the_lock_has_hashes() -> None:
    assert all(package.hashes for package in locked(LOCK))


def test_an_installed_package_is_listed_with_its_licence_as_spdx() -> None:
    [one, other] = pythons([{"name": "A_b", "version": "1", "license_expression": "MIT"},
                            {"name": "c", "version": "2", "license": "my own\nwords"}])  # fmt: skip
    assert (one.purl, one.expression) == ("pkg:pypi/a-b@1", "MIT")
    assert (other.licence, other.expression) == ("my own", "")


def test_a_debian_package_that_was_removed_is_not_inside() -> None:
    states = {"in": "install ok installed", "out": "deinstall ok config-files"}
    paragraphs = [
        f"Package: {name}\nStatus: {state}\nVersion: 1+2\nArchitecture: amd64" for name, state in states.items()
    ]
    assert [one.purl for one in debian("\n\n".join(paragraphs))] == ["pkg:deb/debian/in@1%2B2?arch=amd64"]
