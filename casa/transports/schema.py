"""The shapes of the HTTP interface, as callers see them."""

from __future__ import annotations

from typing import Annotated, Any, Self, cast

from pydantic import BaseModel, ConfigDict, Field, WrapValidator

from casa.house import House
from casa.transports import parse

Row = Annotated[House, WrapValidator(lambda row, _: row)]
"""A house in a batch, taken as it came: one bad row must not refuse the others. The schema is a house's."""


class Houses(BaseModel):
    """Several houses to price in one call."""

    model_config = ConfigDict(extra="forbid")

    instances: Annotated[
        list[Row], Field(min_length=1, description="The houses, 1,000 at most unless the operator chose otherwise.")
    ]

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **_: Any) -> Self:  # pydantic's own options
        """Strict JSON, read once and in one way: pydantic's parser sees no repeated names."""
        body = json_data.encode() if isinstance(json_data, str) else bytes(json_data)
        return cast("Self", cls.model_construct(instances=parse.instances(body)))


class Interval(BaseModel):
    """Where the price lies with the probability `coverage`, in thousands of dollars."""

    low: float
    high: float
    coverage: Annotated[float, Field(gt=0, lt=1)]


class Caution(BaseModel):
    """A value that the model has not seen the like of: its price is that of the nearest value it has seen."""

    feature: str
    reason: str
    low: Annotated[float, Field(description="The least value in the training data.")]
    high: Annotated[float, Field(description="The greatest value in the training data.")]


class RowPrice(BaseModel):
    """One house's price, in thousands of US dollars."""

    prediction: float
    interval: Interval
    warnings: list[Caution]


class Price(RowPrice):
    """One house's price, and the model it comes from."""

    model_name: str
    model_version: str
    features_used: Annotated[list[str], Field(description="The features that matter to this model.")]
    inference_time: Annotated[float, Field(description="What the model took, in milliseconds.")]
    request_id: str


class Explanation(BaseModel):
    """Why a house costs what it does: base value and contributions add up to the prediction, within 0.001."""

    prediction: float
    base_value: Annotated[float, Field(description="The price that the model starts from.")]
    contributions: Annotated[dict[str, float], Field(description="What each feature adds, in thousands of dollars.")]
    model_name: str
    model_version: str
    request_id: str


class Sold(BaseModel):
    """A price that was kept; it may have replaced an earlier one."""

    request_id: str
    row: int
    price: float
    replaced: bool


class Flaw(BaseModel):
    """One thing wrong with a house: where, in words, and the rule's name."""

    loc: list[str | int]
    msg: str
    type: str


class Spoiled(BaseModel):
    """A row of a batch that could not be priced."""

    index: Annotated[int, Field(ge=0, description="Its place in `instances`, from 0.")]
    errors: list[Flaw]


class Prices(BaseModel):
    """The prices of a batch: null stands for a row that `errors` explains."""

    predictions: list[RowPrice | None]
    errors: list[Spoiled]
    model_name: str
    model_version: str
    features_used: list[str]
    inference_time: Annotated[float, Field(description="What the model took, in milliseconds.")]
    request_id: str


class Problem(BaseModel):
    """Why a call failed (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: Annotated[list[Flaw], Field(description="For 422: what is wrong, 20 things at most.")] = []
    error_count: Annotated[int | None, Field(description="For 422: how many things are wrong, if over 20.")] = None


class Status(BaseModel):
    """The answer of a probe."""

    status: str


class Health(Status):
    """What is served, and since when."""

    model_name: str
    model_version: str
    uptime_seconds: float


class Latency(BaseModel):
    """Milliseconds a call took, over the last 24 hours; null without any."""

    mean: float | None
    p50: float | None
    p95: float | None
    p99: float | None


class LiveError(BaseModel):
    """How far predictions were off, by the feedback of the last 30 days; null for fewer than 30 prices."""

    count: int
    rmse: float | None
    bias: Annotated[float | None, Field(description="The mean of prediction less price.")]
    coverage: Annotated[float | None, Field(description="The share of prices within their interval.")]


class Reign(BaseModel):
    """A model, and when the first replica began to serve it."""

    version: str
    since: str


class Monitoring(BaseModel):
    """What the calls of all replicas add up to, restarts included. A call counts if it had a key or failed."""

    predictions: Annotated[int, Field(description="Priced houses, ever.")]
    requests_per_hour: Annotated[float, Field(description="Over the last 24 hours.")]
    uptime_seconds: Annotated[float, Field(description="Of the replica that answers.")]
    latency_ms: Latency
    errors: Annotated[dict[str, int], Field(description="Calls of the last 24 hours that failed, by status.")]
    feedback: LiveError
    estimated_rmse: Annotated[float | None, Field(description="The error that intervals promise, without feedback.")]
    versions: Annotated[list[Reign], Field(description="The models that were served, oldest first.")]


class FeatureFacts(BaseModel):
    """One feature of a house, as it is declared."""

    name: str
    description: str
    unit: str
    low: float
    high: float
    required: bool


class ModelFacts(BaseModel):
    """The model that is served."""

    name: str
    version: str
    features: list[FeatureFacts]
    metrics: dict[str, Any]  # as the pipeline wrote them
    lineage: dict[str, Any]  # as the pipeline wrote it
    card: Annotated[str, Field(description="The model card, in Markdown.")]


class ColumnDrift(BaseModel):
    """How far one column has moved from the training data; a figure that no row can tell is null."""

    score: Annotated[float | None, Field(description="Distance of the means, in standard deviations.")]
    psi: Annotated[float | None, Field(description="Population stability index.")]
    ks: Annotated[float | None, Field(description="Largest distance of the distributions, at the bins' edges.")]
    missing: Annotated[float | None, Field(description="Share of houses without a value.")]
    out_of_range: Annotated[float | None, Field(description="Share of houses outside the training data.")]
    alert: bool
    edges: Annotated[list[float], Field(description="The bins' inner edges.")]
    reference: Annotated[
        list[float], Field(description="Shares of the training houses per bin; last, without a value.")
    ]
    now: Annotated[list[float], Field(description="The same for the houses of now.")]


class Drift(BaseModel):
    """How far the houses have moved from those that the model was trained on."""

    rows: Annotated[int, Field(description="How many houses the figures are of.")]
    enough: Annotated[bool, Field(description="Are they enough for the figures to be trusted?")]
    drifted: Annotated[bool, Field(description="Does any column have an alert?")]
    since: Annotated[str | None, Field(description="When the first of the alerts' windows began.")]
    features: dict[str, ColumnDrift]
    prices: ColumnDrift


class Dashboard(BaseModel):
    """What the dashboard shows."""

    monitoring: Monitoring
    drift: Drift


class ColumnFacts(BaseModel):
    """How one column lies in the training data."""

    mean: float
    std: float
    low: float
    high: float
    edges: Annotated[list[float], Field(description="The bins' inner edges.")]
    counts: Annotated[list[int], Field(description="Houses per bin; last, without a value.")]


class TableFacts(BaseModel):
    """The table that the model was trained on."""

    data_sha256: Annotated[str | None, Field(description="The digest of the table; null if the model does not say.")]
    rows: Annotated[int | None, Field(description="How many houses it was trained on; null if it does not say.")]
    features: dict[str, ColumnFacts]
    prices: ColumnFacts
