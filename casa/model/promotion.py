"""The one way a model becomes champion: it must be better on houses that neither model has seen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import structlog

from casa.errors import InvalidBundle, NotFound
from casa.house import Array
from casa.model import bundle, registry
from casa.model.pricer import Pricer
from casa.model.registry import Registry
from casa.model.store import Store


class Decision(NamedTuple):
    """What came of a comparison, and why."""

    promoted: bool
    reason: str


def promote(
    version: str, *, houses: Array, prices: Array, store: Store, models: Registry, force: bool = False
) -> Decision:
    """Make `version` the champion if it beats the present one on held-out houses (n, features) and prices (n,).

    `force` skips the comparison, not the note of it. MLflow's alias moves before the store's mark: an end
    between the two is mended by the next promotion. Raises NotFound, InvalidBundle or SourceUnavailable.
    """
    challenger = _rmse(version, houses, prices, store=store)
    champion = models.alias(registry.CHAMPION)
    decision = _decide(version, champion, challenger, houses, prices, store=store, force=force)
    structlog.get_logger().info("promotion", version=version, promoted=decision.promoted, reason=decision.reason)
    if decision.promoted:
        models.name(registry.CHAMPION, version, reason=decision.reason)
        store.crown(version)
    return decision


def _decide(
    version: str, champion: str | None, rmse: float, houses: Array, prices: Array, *, store: Store, force: bool
) -> Decision:
    if champion is None:
        return Decision(True, f"the first champion, RMSE {rmse:.3f} on {len(houses)} held-out houses")
    if champion == version:
        return Decision(True, f"it is the champion already, RMSE {rmse:.3f}")
    try:
        old = _rmse(champion, houses, prices, store=store)
    except (NotFound, InvalidBundle) as error:
        return Decision(True, f"the champion {champion} cannot be served ({error}), RMSE {rmse:.3f}")
    reason = f"RMSE {rmse:.3f} against {old:.3f} of {champion} on the same {len(houses)} held-out houses"
    return Decision(force or rmse < old, reason + (", by force" if force else ""))


def _rmse(version: str, houses: Array, prices: Array, *, store: Store) -> float:
    pricer = Pricer(bundle.load(store.find(version), expect=version))
    return float(np.sqrt(np.mean((pricer.price(houses).price - prices) ** 2)))
