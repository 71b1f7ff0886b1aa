"""What travels beside a gRPC message: the caller's key and id on the way in, quota and advice on the way out."""

from __future__ import annotations

from collections.abc import Sequence

from casa.access.quota import Charge
from casa.errors import CasaError, InvalidHouse
from casa.transports.identity import HEADER, identify
from casa.transports.problem import MOST_FLAWS, fields

Metadata = Sequence[tuple[str, str | bytes]]
Trailer = tuple[str, str]

REQUEST_ID = HEADER.decode()


def read_id(metadata: Metadata) -> str:
    """The call's id: the caller's if it is sane, else a random one."""
    given = dict(metadata).get(REQUEST_ID, "")
    return identify({HEADER: given.encode() if isinstance(given, str) else given})


def tell_charge(charge: Charge | None) -> list[Trailer]:
    """What a call left of its client's quota, in the names HTTP has for it."""
    return [] if charge is None else [(name.lower(), value) for name, value in charge.fields.items()]


def tell_error(error: CasaError) -> list[Trailer]:
    """What belongs to a failure besides its sentence, such as when to try again."""
    return [(name.decode(), value.decode()) for name, value in fields(error)]


def sentence(error: CasaError) -> str:
    """The status's message. For a house that breaks the rules it names the fields, as the message has them."""
    if not isinstance(error, InvalidHouse):
        return str(error)
    told = [f"{place(flaw['loc'])}: {flaw['msg']}" for flaw in error.flaws[:MOST_FLAWS]]
    more = len(error.flaws) - len(told)
    return "; ".join(told) + (f"; and {more} more" if more else "")


def place(loc: Sequence[str | int]) -> str:
    """Where in a message: `instances[3].rm`; `house` for all of it."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part.lower()}" for part in loc]
    return "".join(parts).removeprefix(".") or "house"
