"""Containers of the built images, by podman: a read-only root, and no network but their own loopback."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.servers import lack, need

BASE = "docker.io/library/python:3.11-slim"
SERVICE = "localhost/casa:dev"
PIPELINE = "localhost/casa-pipeline:dev"
# A rig may switch control groups off for builds; a container that runs has them, as everywhere.
# podman would give the user a name of its own; Kubernetes does not.
RUN = ("run", "--cgroups=enabled", "--passwd=false", "--read-only", "--network=none", "--volume=/var/lib/casa")


def podman(*words: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run `podman WORDS` to its end."""
    command = [need("podman", "podman"), *words]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=180, check=check)


def need_image(name: str) -> str:
    """The image's name; without it the test needs it."""
    if podman("image", "exists", name, check=False).returncode:
        lack(f"the image {name}: `make image`")
    return name


def inspect(image: str) -> Any:  # podman's own record of it
    """What podman knows of an image."""
    return json.loads(podman("image", "inspect", image).stdout)[0]


def once(image: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run one command in a container of its own."""
    return podman(*RUN, "--rm", image, *words, check=False)


@contextmanager
def running(image: str, *options: str) -> Iterator[str]:
    """A container's id, as long as it is needed."""
    name = podman(*RUN, "--detach", *options, image).stdout.strip()
    try:
        yield name
    finally:
        podman("rm", "--force", "--time=0", "--volumes", name)
