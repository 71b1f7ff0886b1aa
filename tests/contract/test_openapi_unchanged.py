"""The interface is what it was. Where a change is meant, renew the snapshot and look at its difference:

python -m casa.transports.openapi > tests/contract/openapi.json
"""

from pathlib import Path

import orjson

from casa.transports.openapi import document

SNAPSHOT = Path(__file__).with_name("openapi.json")


def test_the_interface_is_unchanged() -> None:
    assert document() == orjson.loads(SNAPSHOT.read_bytes())
