"""KServe's own server with the same model: run by the Python of an environment that has kserve and xgboost.

Example: python -m benchmarks.kserve_server BUNDLE HTTP_PORT GRPC_PORT
"""

from __future__ import annotations

import sys
from pathlib import Path

import kserve
import numpy as np
import xgboost as xgb

from casa.house import HOUSE
from casa.model import bundle
from casa.model.ensemble import Prices


class House(kserve.Model):  # type: ignore[misc]  # kserve is not installed beside Casa
    """The served model as a KServe user would write it."""

    def __init__(self, folder: Path) -> None:
        super().__init__("casa")
        self._saved = bundle.load(folder)
        self._boosters = [xgb.Booster({"nthread": 1}, model_file=bytearray(one)) for one in self._saved.boosters]
        self.ready = True

    def predict(self, payload: object, *_: object, **__: object) -> object:
        """Prices of houses, in the shape that was asked in: {"instances": [{...}]} or the protocol's tensors."""
        if isinstance(payload, dict):
            houses = np.array([[house[name] for name in HOUSE.names] for house in payload["instances"]])
            return {"predictions": self._prices(houses).price.tolist()}
        houses = payload.inputs[0].as_numpy()  # type: ignore[attr-defined]  # an InferRequest
        outputs = []
        for name, values in self._prices(houses)._asdict().items():
            output = kserve.InferOutput(name, list(values.shape), "FP64")
            output.set_data_from_numpy(values, binary_data=False)
            outputs.append(output)
        return kserve.InferResponse(response_id="1", model_name="casa", infer_outputs=outputs)

    def _prices(self, houses: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> Prices:
        rows = self._saved.preprocessor.transform(houses)
        margins = [booster.inplace_predict(rows, predict_type="margin") for booster in self._boosters]
        return self._saved.ensemble.prices(np.column_stack(margins))


if __name__ == "__main__":
    place, http_port, grpc_port = sys.argv[1:]
    kserve.ModelServer(http_port=int(http_port), grpc_port=int(grpc_port), workers=1).start([House(Path(place))])
