"""What a caller holds: `casa_<id>_<secret><checksum>`, all base62."""

from __future__ import annotations

import re
import string
import zlib
from random import Random

from casa.errors import InvalidKey

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
ID_LENGTH = 8
SECRET_LENGTH = 24
"""142 bits: nobody guesses it, so its digest needs no slow hash."""
CHECKSUM_LENGTH = 6
REFUSED = "unknown, wrong, expired or revoked key"

_FORM = re.compile(
    rf"(casa_([0-9A-Za-z]{{{ID_LENGTH}}})_[0-9A-Za-z]{{{SECRET_LENGTH}}})([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})"
)


def make_token(random: Random) -> str:
    """A new token. `random` must be `secrets.SystemRandom()`, except in tests."""
    text = f"casa_{_draw(random, ID_LENGTH)}_{_draw(random, SECRET_LENGTH)}"
    return text + checksum(text)


def parse_token(token: str) -> str:
    """A token's id. InvalidKey if it is no token; the checksum tells a slip of the hand from a wrong key."""
    match = _FORM.fullmatch(token)
    if match is None or checksum(match[1]) != match[3]:
        raise InvalidKey(REFUSED)
    return match[2]


def checksum(text: str) -> str:
    """CRC32 in six base62 digits, so that scanners for leaked keys need no server to know one."""
    rest, digits = zlib.crc32(text.encode("ascii")), ""
    for _ in range(CHECKSUM_LENGTH):
        rest, digit = divmod(rest, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def _draw(random: Random, length: int) -> str:
    return "".join(random.choice(ALPHABET) for _ in range(length))
