"""The one way a model becomes champion: it must be better on houses that neither model has seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import structlog

from casa.errors import InvalidBundle, NotFound, RolloutFailed
from casa.house import Array
from casa.model import bundle, registry
from casa.model.comparison import Mask, Pair, compare, groups_of, rmse
from casa.model.pricer import Pricer
from casa.model.registry import Registry
from casa.model.store import Store

Deploy = Callable[[str], None]
"""Serves a version; RolloutFailed if it does not hold, and what was served before is served again."""


class Decision(NamedTuple):
    """What came of a comparison, and why."""

    promoted: bool
    reason: str
    figures: Mapping[str, Any] = {}
    """What the comparison found, as JSON; nothing where there was none."""
    taken_back: bool = False
    """Was it better, and did not hold where it was deployed?"""


def promote(
    version: str,
    *,
    houses: Array,
    prices: Array,
    store: Store,
    models: Registry,
    force: bool = False,
    deploy: Deploy | None = None,
    groups: Mapping[str, Mask] | None = None,
) -> Decision:
    """Make `version` the champion if it beats the present one on held-out houses (n, features) and prices (n,).

    It must be better by `comparison`'s rules, for `groups` of rows (n,) as well as for those that are always looked
    at; `force` skips the comparison, not the note of it. With `deploy`, it must also hold where it is served. MLflow's
    alias moves before the store's mark: an end between the two is mended by the next promotion. Raises NotFound,
    InvalidBundle or SourceUnavailable.
    """
    known = {**groups_of(houses, prices), **(groups or {})}
    decision = _decide(version, models.alias(registry.CHAMPION), houses, prices, store=store, groups=known, force=force)
    if decision.promoted and deploy is not None:
        decision = _deployed(version, decision, deploy)
    structlog.get_logger().info("promotion", version=version, promoted=decision.promoted, reason=decision.reason)
    if decision.promoted:
        models.name(registry.CHAMPION, version, reason=decision.reason)
        store.crown(version)
    return decision


def _deployed(version: str, decision: Decision, deploy: Deploy) -> Decision:
    try:
        deploy(version)
    except RolloutFailed as error:
        return Decision(False, f"{decision.reason}; but {error}", decision.figures, taken_back=True)
    return decision


def _decide(
    version: str,
    champion: str | None,
    houses: Array,
    prices: Array,
    *,
    store: Store,
    groups: Mapping[str, Mask],
    force: bool,
) -> Decision:
    new = _load(version, store)
    mine = new.price(houses)
    error = f"RMSE {rmse(mine.price, prices):.3f}"
    if champion is None:
        return Decision(True, f"the first champion, {error} on {len(houses)} held-out houses")
    if champion == version:
        return Decision(True, f"it is the champion already, {error}")
    try:
        old = _load(champion, store).price(houses)
    except (NotFound, InvalidBundle) as missing:
        return Decision(True, f"the champion {champion} cannot be served ({missing}), {error}")
    verdict = compare(Pair(mine, old, prices), groups=groups, aim=new.coverage)
    told = f"{error} against {rmse(old.price, prices):.3f} of {champion} on the same {len(houses)} held-out houses"
    reason = f"{told}; {verdict.reason}" + ("; by force" if force else "")
    return Decision(force or verdict.better, reason, verdict.figures)


def _load(version: str, store: Store) -> Pricer:
    return Pricer(bundle.load(store.find(version), expect=version))
