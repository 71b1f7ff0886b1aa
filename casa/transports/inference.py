"""The model as the Open Inference Protocol sees it, the same over HTTP and gRPC."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from casa import __version__
from casa.errors import MalformedRequest, NotFound
from casa.house import HOUSE, Array
from casa.model import bundle
from casa.model.ensemble import Prices
from casa.monitoring.priced import Priced
from casa.transports.asker import Asker
from casa.transports.matrix import stack
from casa.transports.tensor import HOUSES, OUTPUT, Tensor, TensorMetadata

if TYPE_CHECKING:  # slow to import, and not needed to describe the interface
    from casa.model.pricer import Pricer

EXTENSIONS = ("binary_tensor_data",)
PLATFORM = "xgboost"
OUTPUTS = ("price", "low", "high")


class ServerMetadata(NamedTuple):
    """What this server is, in the protocol's words."""

    name: str
    version: str
    extensions: tuple[str, ...]


class ModelMetadata(NamedTuple):
    """What the model is, in the protocol's words."""

    name: str
    versions: tuple[str, ...]
    platform: str
    inputs: tuple[TensorMetadata, ...]
    outputs: tuple[TensorMetadata, ...]
    properties: dict[str, str]


class WantedOutput(NamedTuple):
    """An output a caller asks for, and whether as bytes."""

    name: str
    binary: bool


class InferRequest(NamedTuple):
    """What a caller asks of the model, whatever it came in."""

    id: str
    tensors: Sequence[Tensor]
    outputs: Sequence[WantedOutput]


SERVER = ServerMetadata("casa", __version__, EXTENSIONS)


class Inference:
    """Tensors in, tensors out, by the one model that is served."""

    def __init__(self, pricer: Pricer, *, max_rows: int) -> None:
        self._pricer = pricer
        self.max_rows = max_rows
        """How many houses one call may hold."""
        self.version = pricer.bundle.version

    def check_model(self, name: str, version: str = "") -> None:
        """NotFound unless the model of this name, and of this version if there is one, is served."""
        if name != bundle.NAME:
            raise NotFound(f"there is no model of this name; this server has {bundle.NAME}")
        if version not in ("", self.version):
            raise NotFound(f"{bundle.NAME} is not served in this version; this server has {self.version}")

    def metadata(self) -> ModelMetadata:
        """The model's inputs and outputs, made from the declaration of a house."""
        return ModelMetadata(
            name=bundle.NAME,
            versions=(self.version,),
            platform=PLATFORM,
            inputs=(TensorMetadata(HOUSES, OUTPUT, (-1, len(HOUSE.names))),),
            outputs=tuple(TensorMetadata(name, OUTPUT, (-1,)) for name in OUTPUTS),
            properties=_properties(),
        )

    def houses(self, request: InferRequest) -> Array:
        """The houses (n, features) a request asks about, checked, and its outputs' names checked too."""
        for name, count in Counter(output.name for output in request.outputs).items():
            if name not in OUTPUTS or count > 1:
                raise MalformedRequest(f"ask for each output once; they are {', '.join(OUTPUTS)}")
        return stack(request.tensors)

    def infer(self, houses: Array, outputs: Sequence[WantedOutput], asker: Asker) -> list[Tensor]:
        """The outputs asked for, each (n,), in the order they were asked for."""
        found = self._price(houses)
        asker.priced = Priced.many(houses, found)
        prices = dict(zip(OUTPUTS, found, strict=True))
        return [Tensor(output.name, prices[output.name]) for output in outputs]

    def _price(self, houses: Array) -> Prices:
        if len(houses) > 1:
            return self._pricer.price(houses)
        alone = self._pricer.price_one(houses[0].tolist())  # the same digits in a third of the time
        return Prices(*(np.array([value]) for value in alone))


def want(names: Iterable[tuple[str, bool | None]], *, binary: bool) -> list[WantedOutput]:
    """The outputs by their names, all of them where none is named; `binary` holds where a name does not say."""
    wanted = [WantedOutput(name, binary if own is None else own) for name, own in names]
    return wanted or [WantedOutput(name, binary) for name in OUTPUTS]


def _properties() -> dict[str, str]:
    """What a shape cannot say: the columns, each of which is taken as an input of its own, too; what may be missing."""
    return {
        "columns": ",".join(HOUSE.names),
        "optional": ",".join(feature.name for feature in HOUSE.features if feature.optional),
        "price": f"{HOUSE.target.description}, in {HOUSE.target.unit}",
    }
