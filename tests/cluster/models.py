"""Models like the image's own, whose prices are all so many thousand dollars off."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from casa.house import HOUSE
from casa.model import bundle
from casa.model.parcel import unpack
from casa.model.pricer import Pricer
from casa.model.store import Store
from tests.cluster.release import Release
from tests.servers import tool

PACK = """
import sys
from pathlib import Path
from casa.model import bundle, parcel
from casa.model.store import Store
(entry,) = Store(Path("/opt/casa/bento")).entries()
sys.stdout.buffer.write(parcel.pack(bundle.load(entry.folder).files))
"""


class Workshop:
    """Makes such models and keeps them in a store."""

    def __init__(self, release: Release, folder: Path) -> None:
        words = ["--namespace", release.namespace, "exec", "deployment/casa", "--container=service"]
        command = [tool("kubectl"), *words, "--", "python", "-c", PACK]
        packed = subprocess.run(command, capture_output=True, check=True)
        self._files = unpack(packed.stdout)
        self._folder = folder
        self.home = folder / "bentoml"
        self.own = bundle.write(folder / "own", self._files)
        """The image's own version."""

    def make(self, *, off: float, golden: float = 0.0) -> str:
        """The version of a model whose prices are `off`, and its golden predictions off by `golden` more.

        An honest one lies in `honest(version)`, whatever its golden predictions in the store are.
        """
        model = json.loads(self._files[bundle.MODEL])
        model["ensemble"]["members"][0]["center"] += off
        files = {**self._files, bundle.MODEL: json.dumps(model).encode()}
        version = bundle.write(self._folder / "draft", files)
        prices = self._prices(self._folder / "draft")
        bundle.write(self.honest(version), {**files, bundle.GOLDEN: self._golden(prices)})
        bundle.write(self._folder / "draft", {**files, bundle.GOLDEN: self._golden(prices + golden)})
        Store(self.home).save(self._folder / "draft")
        return version

    def honest(self, version: str) -> Path:
        """The folder of a model whose golden predictions are its own."""
        return self._folder / version

    def _prices(self, folder: Path) -> np.ndarray:
        houses = [[one["house"].get(name) for name in HOUSE.names] for one in self._told()]
        return Pricer(bundle.load(folder)).price(np.array(houses, dtype=np.float64)).price

    def _golden(self, prices: np.ndarray) -> bytes:
        told = [{**one, "price": float(price)} for one, price in zip(self._told(), prices, strict=True)]
        return json.dumps(told).encode()

    def _told(self) -> list[Mapping[str, Mapping[str, float | None]]]:
        told: list[Mapping[str, Mapping[str, float | None]]] = json.loads(self._files[bundle.GOLDEN])
        return told
