"""How MLflow loads a Casa model: plain files, no pickle. MLflow calls `_load_pyfunc` by this module's name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from casa.house import HOUSE
from casa.model import bundle
from casa.model.pricer import Pricer

if TYPE_CHECKING:
    from pandas import DataFrame


class PriceModel:
    """MLflow's face of a `Pricer`."""

    def __init__(self, pricer: Pricer) -> None:
        self._pricer = pricer

    def predict(self, houses: DataFrame) -> DataFrame:
        """Columns `price`, `low` and `high`, in thousands of dollars, for a table of houses."""
        import pandas as pd

        rows = houses.reindex(columns=list(HOUSE.names)).to_numpy(dtype=np.float64)
        return pd.DataFrame(self._pricer.price(rows)._asdict(), index=houses.index)


def _load_pyfunc(path: str) -> PriceModel:
    return PriceModel(Pricer(bundle.load(Path(path))))
