"""From a winning candidate to the files of a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson

from casa.house import HOUSE, Array
from casa.model import bundle
from casa.model.ensemble import Ensemble, Prices
from casa.model.explain import Explainer
from casa.model.forest import join
from pipeline.boosting import onnx_graph
from pipeline.candidate import Candidate
from pipeline.conformal import Calibration
from pipeline.reference import reference

GOLDEN_ROWS = 16
LEAST_GAIN = 0.01
"""A feature with a smaller share of the absolute SHAP values does not count as used."""


def files(
    winner: Candidate,
    calibration: Calibration,
    *,
    houses: Array,
    prices: Array,
    coverage: float,
    bins: int,
    papers: Mapping[str, bytes],
) -> dict[str, bytes]:
    """The bundle's files: what decides a price, the drift reference, golden prices, and the `papers` beside them."""
    ensemble = ensemble_of(winner, calibration, coverage=coverage)
    boosters = [*winner.boosters, calibration.booster]
    raw = {m.file: bytes(b.save_raw("ubj")) for m, b in zip(ensemble.boosters, boosters, strict=True)}
    used = features_used(winner, houses)
    seen = {**reference(houses, prices, bins=bins), "rmse_per_width": calibration.rmse_per_width}
    return {
        **papers,
        **raw,
        bundle.MODEL: bundle.model_document(winner.preprocessor, ensemble, features_used=used),
        bundle.GRAPH: onnx_graph(boosters),
        bundle.REFERENCE: document(seen),
        bundle.GOLDEN: document(golden(winner, calibration, ensemble, houses=askable(houses)[:GOLDEN_ROWS])),
    }


def ensemble_of(winner: Candidate, calibration: Calibration, *, coverage: float) -> Ensemble:
    """How the winner's boosters make a price, and the calibration its interval."""
    return Ensemble(winner.members, calibration.member, calibration.quantile, coverage)


def price(winner: Candidate, calibration: Calibration, ensemble: Ensemble, *, houses: Array) -> Prices:
    """Prices with intervals as the bundle will give them."""
    rows = winner.preprocessor.transform(houses)
    boosters = [*winner.boosters, calibration.booster]
    margins = [booster.inplace_predict(rows, predict_type="margin") for booster in boosters]
    return ensemble.prices(np.column_stack(margins))


def golden(winner: Candidate, calibration: Calibration, ensemble: Ensemble, *, houses: Array) -> list[dict[str, Any]]:
    """Houses and their prices: a served model that answers otherwise is not this one."""
    prices = price(winner, calibration, ensemble, houses=houses).price
    return [{"house": sent(house), "price": float(one)} for house, one in zip(houses, prices, strict=True)]


def askable(houses: Array) -> Array:
    """The houses that a caller may ask about: gaps only where a feature is optional."""
    required = [not feature.optional for feature in HOUSE.features]
    return np.asarray(houses[~np.isnan(houses[:, required]).any(axis=1)])


def sent(house: Array) -> dict[str, float]:
    """One house (features,) as a caller sends it: nothing for a gap."""
    return {name: float(value) for name, value in zip(HOUSE.names, house, strict=True) if not np.isnan(value)}


def features_used(winner: Candidate, houses: Array) -> tuple[str, ...]:
    """The features that matter to the winner: at least `LEAST_GAIN` of the absolute SHAP values."""
    shares = importance(winner, houses)
    return tuple(name for name in HOUSE.names if shares[name] >= LEAST_GAIN)


def importance(winner: Candidate, houses: Array) -> dict[str, float]:
    """Each feature's part of the absolute SHAP values of houses (n, features); the parts add up to 1."""
    explainer = Explainer(winner.preprocessor, winner.members, join(winner.boosters))
    sizes = np.abs(explainer.shares(houses).contributions).mean(axis=0)
    return dict(zip(HOUSE.names, (sizes / sizes.sum()).tolist(), strict=True))


def document(value: Any) -> bytes:
    """A JSON file's bytes."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY)
