import asyncio
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import casa
from casa.errors import CasaError, MalformedRequest, MethodNotAllowed, NotFound, TooLarge, Unavailable, UnsupportedMedia
from casa.house import HOUSE, Array
from casa.model.pricer import Pricer
from casa.transports.answer import Answer
from casa.transports.inference import Inference
from casa.transports.protocol import Asked, Protocol, is_open, owns, refuse, takes_body
from pipeline.train import Rows

INFER = "/v2/models/casa/infer"
EXAMPLE = [feature.example for feature in HOUSE.features]
LENGTH = b"inference-header-content-length"
JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["inputs", "outputs", "name", "shape", "datatype", "data", "id", "parameters"]), inner
        ),
    ),
)


class Caller:
    """Calls one protocol object and remembers what it was charged."""

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol
        self.charged: list[int] = []

    async def charge(self, rows: int) -> None:
        self.charged.append(rows)

    def call(self, method: str, path: str, body: bytes = b"", headers: Mapping[bytes, bytes] | None = None) -> Answer:
        asked = Asked(method, path, headers or {}, body, "our-id")
        return asyncio.run(self.protocol.answer(asked, charge=self.charge))

    def get(self, path: str) -> Any:
        return orjson.loads(self.call("GET", path).body)

    def infer(self, document: object, *parts: bytes, path: str = INFER) -> Answer:
        text = json.dumps(document).encode()
        headers = {LENGTH: b"%d" % len(text)} if parts else {}
        return self.call("POST", path, b"".join([text, *parts]), headers)

    def outputs(self, document: object) -> dict[str, Any]:
        return {output["name"]: output for output in orjson.loads(self.infer(document).body)["outputs"]}

    def refusal(self, document: object, *parts: bytes) -> str:
        with pytest.raises(MalformedRequest) as caught:
            self.infer(document, *parts)
        return str(caught.value)


@pytest.fixture
def caller(pricer: Pricer) -> Caller:
    return Caller(Protocol(Inference(pricer, max_rows=600)))


def houses(rows: Array | list[list[float]], **more: object) -> dict[str, Any]:
    data = np.asarray(rows)
    tensor = {"name": "houses", "datatype": "FP64", "shape": list(data.shape), "data": data.ravel().tolist()}
    return {"inputs": [tensor], **more}


def binary(size: int, **more: object) -> dict[str, Any]:
    parameters = {"binary_data_size": size}
    tensor = {"name": "houses", "datatype": "FP64", "shape": [1, 13], "parameters": parameters, **more}
    return {"inputs": [tensor]}


def columns(**changes: object) -> dict[str, Any]:
    shape = {"datatype": "FP64", "shape": [1]}
    values = {name: [value] for name, value in HOUSE.example.items()} | changes
    return {"inputs": [{"name": name, "data": data, **shape} for name, data in values.items()]}


@pytest.mark.parametrize("path", ["/v2", "/v2/"])
def test_the_server_says_what_it_is(caller: Caller, path: str) -> None:
    expected = {"name": "casa", "version": casa.__version__, "extensions": ["binary_tensor_data"]}
    assert caller.get(path) == expected


def test_the_model_is_listed_and_described_in_each_of_its_addresses(caller: Caller, pricer: Pricer) -> None:
    assert caller.get("/v2/models") == {"models": ["casa"]}
    described = caller.get("/v2/models/casa")
    assert described == caller.get(f"/v2/models/casa/versions/{pricer.bundle.version}")
    assert (described["name"], described["versions"]) == ("casa", [pricer.bundle.version])


def test_the_models_description_is_made_from_the_declaration(caller: Caller) -> None:
    described = caller.get("/v2/models/casa")
    assert described["inputs"] == [{"name": "houses", "datatype": "FP64", "shape": [-1, 13]}]
    outputs = [{"name": name, "datatype": "FP64", "shape": [-1]} for name in ("price", "low", "high")]
    assert described["outputs"] == outputs
    assert described["properties"]["columns"] == ",".join(HOUSE.names)


def test_health_is_told_as_clients_read_it(caller: Caller) -> None:
    assert caller.get("/v2/health/live") == {"live": True}
    assert caller.get("/v2/health/ready") == {"live": True, "ready": True}
    assert caller.get("/v2/models/casa/ready") == {"name": "casa", "ready": True}


def test_a_server_that_loads_lives_and_is_not_ready() -> None:
    caller = Caller(Protocol())
    assert caller.get("/v2/health/live") == {"live": True}
    for path in ("/v2/health/ready", "/v2/models/casa", "/v2/models/casa/ready"):
        with pytest.raises(Unavailable):
            caller.get(path)


def test_a_server_that_drains_is_not_ready_and_still_prices(pricer: Pricer) -> None:
    def drain() -> None:
        raise Unavailable("this instance is about to stop")

    caller = Caller(Protocol(Inference(pricer, max_rows=1), check_ready=drain))
    for path in ("/v2/health/ready", "/v2/models/casa/ready"):
        with pytest.raises(Unavailable):
            caller.get(path)
    assert caller.outputs(houses([EXAMPLE]))["price"]


@pytest.mark.parametrize("path", ["/v2/nothing", "/v2/models/", "/v2/models/other", "/v2/models/casa/versions/1"])
def test_what_is_not_served_is_not_found(caller: Caller, path: str) -> None:
    with pytest.raises(NotFound):
        caller.get(path)


def test_an_unknown_version_is_not_found_wherever_it_is_asked_for(caller: Caller) -> None:
    for action in ("ready", "infer"):
        with pytest.raises(NotFound):
            caller.call("POST" if action == "infer" else "GET", f"/v2/models/casa/versions/beef/{action}")


def test_prices_are_for_posting_and_the_rest_for_reading(caller: Caller) -> None:
    for method, path, allowed in (("GET", INFER, "POST"), ("POST", "/v2", "GET"), ("PUT", "/v2/models/casa", "GET")):
        with pytest.raises(MethodNotAllowed) as caught:
            caller.call(method, path)
        assert allowed in caught.value.allowed


def test_the_table_costs_what_the_model_says(caller: Caller, pricer: Pricer, table: Rows) -> None:
    outputs = caller.outputs(houses(table.houses))
    for name, values in pricer.price(table.houses)._asdict().items():
        assert outputs[name]["data"] == values.tolist()
        assert (outputs[name]["datatype"], outputs[name]["shape"]) == ("FP64", [len(table.houses)])


def test_columns_and_houses_have_the_same_prices(caller: Caller) -> None:
    assert caller.outputs(columns()) == caller.outputs(houses([EXAMPLE]))


def test_null_is_a_gap_where_one_may_be(caller: Caller, pricer: Pricer) -> None:
    house = [np.nan if feature.optional else feature.example for feature in HOUSE.features]
    outputs = caller.outputs(columns(ZN=[None], INDUS=[None], CHAS=[None]))
    assert outputs["price"]["data"] == pricer.price(np.array([house])).price.tolist()


def test_bytes_and_lists_have_the_same_prices(caller: Caller) -> None:
    answer = caller.infer(binary(104), np.array(EXAMPLE).tobytes())
    assert orjson.loads(answer.body)["outputs"] == [*caller.outputs(houses([EXAMPLE])).values()]


def test_a_caller_gets_bytes_for_what_it_wants_as_bytes(caller: Caller) -> None:
    wanted = [{"name": "high", "parameters": {"binary_data": True}}, {"name": "price"}]
    answer = caller.infer(houses([EXAMPLE], outputs=wanted))
    length = int(dict(answer.headers)[LENGTH])
    high, price = orjson.loads(answer.body[:length])["outputs"]
    assert (high["parameters"], answer.media) == ({"binary_data_size": 8}, b"application/octet-stream")
    assert np.frombuffer(answer.body[length:])[0] == caller.outputs(houses([EXAMPLE]))["high"]["data"][0]
    assert (price["name"], list(price)) == ("price", ["name", "shape", "datatype", "data"])


def test_a_request_may_want_all_outputs_as_bytes(caller: Caller) -> None:
    answer = caller.infer(houses([EXAMPLE], parameters={"binary_data_output": True}))
    document = orjson.loads(answer.body[: int(dict(answer.headers)[LENGTH])])
    assert [output["parameters"]["binary_data_size"] for output in document["outputs"]] == [8, 8, 8]


def test_an_answer_names_its_model_and_repeats_the_id(caller: Caller, pricer: Pricer) -> None:
    given, ours = (orjson.loads(caller.infer(houses([EXAMPLE], **more)).body) for more in ({"id": "theirs"}, {}))
    assert (given["id"], ours["id"]) == ("theirs", "our-id")
    assert (given["model_name"], given["model_version"]) == ("casa", pricer.bundle.version)


def test_only_wanted_outputs_come_in_the_order_they_were_wanted(caller: Caller) -> None:
    for names in (["high"], ["low", "price"]):
        assert list(caller.outputs(houses([EXAMPLE], outputs=[{"name": name} for name in names]))) == names


def test_the_path_may_name_the_version_that_is_served(caller: Caller, pricer: Pricer) -> None:
    path = f"/v2/models/casa/versions/{pricer.bundle.version}/infer"
    assert orjson.loads(caller.infer(houses([EXAMPLE]), path=path).body)["model_name"] == "casa"


def test_every_house_is_charged_and_a_refused_call_as_one(caller: Caller) -> None:
    caller.infer(houses([EXAMPLE] * 7))
    caller.refusal({"inputs": []})
    assert caller.charged == [7, 1]


def test_a_value_out_of_range_is_named_by_row_and_feature(caller: Caller) -> None:
    wrong = [EXAMPLE, [*EXAMPLE[:5], 9.5, *EXAMPLE[6:]]]
    assert caller.refusal(houses(wrong)) == "row 1, RM: Input should be less than or equal to 9"


def test_too_many_houses_are_refused(caller: Caller) -> None:
    with pytest.raises(TooLarge, match="at most 600 houses"):
        caller.infer(houses([EXAMPLE] * 601))


@pytest.mark.parametrize("length", [b"", b"-1", b"1e2", b"\xb2", b"99999", b"9" * 5000])
def test_a_length_that_is_none_is_refused(caller: Caller, length: bytes) -> None:
    with pytest.raises(MalformedRequest, match="Inference-Header-Content-Length"):
        caller.call("POST", INFER, json.dumps(houses([EXAMPLE])).encode(), {LENGTH: length})


@pytest.mark.parametrize(("size", "sentence"), [(105, "body ends"), (103, "104 bytes, not 103"), (0, "not 0")])
def test_bytes_that_do_not_fit_the_tensor_are_refused(caller: Caller, size: int, sentence: str) -> None:
    assert sentence in caller.refusal(binary(size), np.array(EXAMPLE).tobytes())


def test_bytes_left_over_are_refused(caller: Caller) -> None:
    assert "1 bytes are left over" in caller.refusal(binary(104), np.array(EXAMPLE).tobytes(), b"!")


def test_two_inputs_cannot_share_bytes(caller: Caller) -> None:
    document = {"inputs": binary(104)["inputs"] * 2}
    assert "body ends before its data" in caller.refusal(document, np.array(EXAMPLE).tobytes())


@pytest.mark.parametrize("size", [-1, 1.5, True, "104", 2**70])
def test_a_size_that_is_none_is_refused(caller: Caller, size: object) -> None:
    assert "binary_data_size" in caller.refusal(binary(size), b"")  # type: ignore[arg-type]


def test_an_input_has_one_kind_of_data(caller: Caller) -> None:
    assert "either data" in caller.refusal(binary(104, data=EXAMPLE), np.array(EXAMPLE).tobytes())
    assert "either data" in caller.refusal({"inputs": [{"name": "RM", "datatype": "FP64", "shape": [1]}]})


@pytest.mark.parametrize("outputs", [["cost"], ["price", "price"], ["PRICE"]])
def test_outputs_the_model_does_not_have_are_refused(caller: Caller, outputs: list[str]) -> None:
    assert "price, low, high" in caller.refusal(houses([EXAMPLE], outputs=[{"name": name} for name in outputs]))


def test_an_output_we_could_not_give_as_asked_is_refused(caller: Caller) -> None:
    wanted = {"name": "price", "parameters": {"classification": 1}}
    assert caller.refusal(houses([EXAMPLE], outputs=[wanted])).startswith("outputs.0.parameters: ")


@pytest.mark.parametrize("datatype", ["BOOL", "BYTES", "BF16", "fp64", ""])
def test_a_datatype_that_is_no_number_is_refused_clearly(caller: Caller, datatype: str) -> None:
    document = houses([EXAMPLE])
    document["inputs"][0]["datatype"] = datatype
    assert "must be one of UINT8" in caller.refusal(document)


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b"{}", b'"', b"\xef\xbb\xbf{}", b"[" * 5000, b'{"inputs":NaN}'])
def test_a_body_that_is_no_request_is_refused(caller: Caller, text: bytes) -> None:
    with pytest.raises(MalformedRequest):
        caller.call("POST", INFER, text)


def test_a_name_given_twice_is_refused(caller: Caller) -> None:
    text = json.dumps(houses([EXAMPLE], id='say "please"'))
    assert caller.call("POST", INFER, text.encode())
    with pytest.raises(MalformedRequest, match="more than once"):
        caller.call("POST", INFER, text.replace('"shape"', '"shape": [2, 13], "shape"').encode())


@pytest.mark.parametrize("text", [b'{"inputs": [' + b"{}," * 200_000 + b"{}]}", b'["' + b'","' * 10_000 + b'"]'])
def test_a_body_of_nothing_but_brackets_or_names_is_not_read(caller: Caller, text: bytes) -> None:
    with pytest.raises(MalformedRequest, match="more than a call for prices needs"):
        caller.call("POST", INFER, text)


def test_nesting_that_orjson_reads_does_no_harm(caller: Caller) -> None:
    deep = b'{"a\\"": ' + b"[" * 1000 + b"]" * 1000 + b"}"
    with pytest.raises(MalformedRequest):
        caller.call("POST", INFER, deep)


def test_a_packed_body_is_refused(caller: Caller) -> None:
    with pytest.raises(UnsupportedMedia):
        caller.call("POST", INFER, b"", {b"content-encoding": b"gzip"})


@settings(deadline=None)
@given(JSON_VALUES, st.binary(max_size=32))
def test_hostile_requests_are_refused_by_name(pricer: Pricer, document: object, rest: bytes) -> None:
    caller = Caller(Protocol(Inference(pricer, max_rows=2)))
    with pytest.raises(CasaError) as caught:
        caller.infer(document, rest)
    assert 400 <= caught.value.status < 500


@settings(deadline=None)
@given(st.binary())
def test_hostile_bytes_are_refused_by_name(pricer: Pricer, body: bytes) -> None:
    caller = Caller(Protocol(Inference(pricer, max_rows=2)))
    with pytest.raises(MalformedRequest):
        caller.call("POST", INFER, body, {LENGTH: b"%d" % len(body)})


def test_health_is_open_and_prices_take_a_body() -> None:
    paths = ["/v2/health/live", "/v2/health/ready", "/v2/models/casa/ready", "/v2/models/casa/versions/1/ready"]
    assert all(is_open(path) and owns(path) and not takes_body(path) for path in paths)
    assert not any(is_open(path) for path in ("/v2", "/v2/models", "/v2/models/casa", INFER, "/v2/ready"))
    assert [takes_body(path) for path in (INFER, "/v2/models/casa/versions/1/infer", "/v2")] == [True, True, False]
    assert not owns("/v21")


def test_a_failure_is_told_in_the_protocols_form() -> None:
    answer = refuse(MethodNotAllowed(["GET"]))
    assert (answer.status, orjson.loads(answer.body)) == (405, {"error": "this route answers GET only"})
    assert (b"allow", b"GET") in answer.headers
