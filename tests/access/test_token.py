"""The form of a token: what is one, and what cannot be."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from casa.access.token import ALPHABET, SECRET_LENGTH, checksum, make_token, parse_token
from casa.errors import InvalidKey

seeds = st.integers(min_value=0, max_value=2**32)


@given(seeds)
def test_a_made_token_parses_to_its_id(seed: int) -> None:
    token = make_token(Random(seed))
    assert token.startswith(f"casa_{parse_token(token)}_")


@given(seeds, st.integers(min_value=0, max_value=43), st.characters())
def test_one_wrong_character_is_noticed(seed: int, place: int, character: str) -> None:
    token = make_token(Random(seed))
    assume(token[place] != character)
    with pytest.raises(InvalidKey):
        parse_token(token[:place] + character + token[place + 1 :])


@given(st.text())
def test_any_other_text_is_no_token(text: str) -> None:
    with pytest.raises(InvalidKey):
        parse_token(text)


@pytest.mark.parametrize("spoil", [str.upper, lambda token: token + "\n", lambda token: " " + token])
def test_a_token_is_exact(spoil: object) -> None:
    with pytest.raises(InvalidKey):
        parse_token(spoil(make_token(Random(1))))  # type: ignore[operator]


@given(st.text(ALPHABET))
def test_a_checksum_has_six_digits(text: str) -> None:
    digits = checksum(text)
    assert len(digits) == 6
    assert set(digits) <= set(ALPHABET)


def test_the_checksum_is_crc32_in_base62() -> None:
    value = 0
    for digit in checksum("123456789"):
        value = value * 62 + ALPHABET.index(digit)
    assert value == 0xCBF43926


def test_a_secret_holds_at_least_128_bits() -> None:
    assert SECRET_LENGTH * math.log2(len(ALPHABET)) >= 128
