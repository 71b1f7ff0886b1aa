"""The service casa.v1.Casa: messages to houses, and the desk's answers to messages."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Mapping, Sequence

from pydantic import ValidationError

from casa.errors import Flaw, InvalidHouse
from casa.house import HOUSE
from casa.sale import Sale
from casa.transports.batch import batch
from casa.transports.desk import Content
from casa.transports.flaws import find, told
from casa.transports.metadata import place, sentence
from casa.transports.parse import too_many
from casa.transports.protos import casa_pb2 as pb
from casa.transports.rpc import Call, Method, batch_bytes
from casa.transports.serving import Serving

SERVICE = pb.DESCRIPTOR.services_by_name["Casa"].full_name

OK = "OK"

Row = dict[str, float]
_NAMES = {field.number: field.name.upper() for field in pb.House.DESCRIPTOR.fields}


class Odd(Row):
    """A row that holds NaN, which a batch would take for a value left out."""


class CasaService:
    """Prices and explanations as messages."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._most = serving.settings.max_rows
        self._most_bytes = batch_bytes(serving.settings)

    def methods(self) -> Mapping[str, Method]:
        """The service's methods by their full names."""
        return {
            f"/{SERVICE}/Predict": Method(pb.House, self.predict),
            f"/{SERVICE}/PredictBatch": Method(pb.Houses, self.predict_batch, most_bytes=self._most_bytes),
            f"/{SERVICE}/PredictStream": Method(pb.House, self.predict_stream, streams=True),
            f"/{SERVICE}/Explain": Method(pb.House, self.explain),
            f"/{SERVICE}/Feedback": Method(pb.Sale, self.feedback, scope="feedback"),
        }

    async def predict(self, call: Call, house: pb.House) -> pb.Price:
        """One house's price."""
        await call.charge(1)
        values = read_house(house)
        return pb.Price(**await self._serving.batcher.ask(values, call))

    async def predict_batch(self, call: Call, houses: pb.Houses) -> pb.Prices:
        """An outcome for each house; InvalidHouse if none can be priced."""
        if len(houses.instances) > self._most:
            raise too_many(self._most)
        if not houses.instances:
            raise InvalidHouse([Flaw(loc=["instances"], msg="At least one house is required", type="too_short")])
        async with self._serving.turns.take():
            rows = batch([read_row(house) for house in houses.instances])
            await call.charge(len(rows.places))
            return write_prices(self._serving.desk.prices(rows, call))

    async def predict_stream(self, call: Call, houses: AsyncIterator[pb.House]) -> AsyncIterator[pb.Outcome]:
        """An outcome for each house as it comes. Each costs a call, and none is read while an outcome waits."""
        async for house in houses:
            try:
                outcome = pb.Outcome(price=await self.predict(call, house))
            except InvalidHouse as error:
                outcome = pb.Outcome(error=write_error(error.flaws))
            self._serving.answers.put(call.answered(call.path, outcome.error.code or OK))
            yield outcome
            call.next_row()

    async def explain(self, call: Call, house: pb.House) -> pb.Explanation:
        """How much each feature adds to one house's price."""
        self._serving.turns.backlog.check()
        await call.charge(1)
        values = read_house(house)
        return pb.Explanation(**await self._serving.explanations.ask(values, call))

    async def feedback(self, call: Call, sale: pb.Sale) -> pb.Sold:
        """What a house really sold for."""
        await call.charge(1)
        return pb.Sold(**await self._serving.keep_sale(read_sale(sale), call))


def read_sale(sale: pb.Sale) -> Sale:
    """What a message says; InvalidHouse if it is no good sale."""
    try:
        return Sale(**{field.name: value for field, value in sale.ListFields()})
    except ValidationError as error:
        raise InvalidHouse(told(error)) from error


def read_house(house: pb.House) -> list[float]:
    """One house's values in the order of its declaration, NaN for one left out; InvalidHouse if it is no good house."""
    row = read_row(house)
    if flaws := find(row):
        raise InvalidHouse(flaws)
    return [row.get(name, math.nan) for name in HOUSE.names]


def read_row(house: pb.House) -> Row:
    """What a message holds, by the features' names."""
    row = {_NAMES[field.number]: value for field, value in house.ListFields()}
    return Odd(row) if math.isnan(sum(row.values())) else row


def write_prices(content: Content) -> pb.Prices:
    """A batch's answer as a message: the prices and the errors each in its house's place."""
    flaws = {error["index"]: error["errors"] for error in content.pop("errors")}
    predictions = enumerate(content.pop("predictions"))
    outcomes = [
        pb.Outcome(error=write_error(flaws[index])) if price is None else pb.Outcome(price=pb.Price(**price))
        for index, price in predictions
    ]
    return pb.Prices(outcomes=outcomes, **content)


def write_error(flaws: Sequence[Flaw]) -> pb.Error:
    """Why one house has no price."""
    error = InvalidHouse(flaws)
    told = [pb.Flaw(loc=[place([part]) for part in flaw["loc"]], msg=flaw["msg"], type=flaw["type"]) for flaw in flaws]
    return pb.Error(code=error.code, detail=sentence(error), errors=told)
