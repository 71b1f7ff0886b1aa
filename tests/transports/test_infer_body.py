import json

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casa.errors import CasaError, MalformedRequest, TooLarge, UnsupportedMedia
from casa.model.pricer import Pricer
from casa.transports.inference import Inference
from casa.transports.protocol import Protocol
from tests.transports.infer_caller import EXAMPLE, INFER, LENGTH, RAW, InferCaller, binary, houses

JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["inputs", "outputs", "name", "shape", "datatype", "data", "id", "parameters"]), inner
        ),
    ),
)


@pytest.fixture
def caller(pricer: Pricer) -> InferCaller:
    return InferCaller(Protocol(Inference(pricer, max_rows=600)))


def test_bytes_and_lists_have_the_same_prices(caller: InferCaller) -> None:
    answer = caller.infer(binary(104), RAW)
    assert orjson.loads(answer.body)["outputs"] == [*caller.outputs(houses([EXAMPLE])).values()]


def test_a_caller_gets_bytes_for_what_it_wants_as_bytes(caller: InferCaller) -> None:
    wanted = [{"name": "high", "parameters": {"binary_data": True}}, {"name": "price"}]
    answer = caller.infer(houses([EXAMPLE], outputs=wanted))
    length = int(dict(answer.headers)[LENGTH])
    high, price = orjson.loads(answer.body[:length])["outputs"]
    assert (high["parameters"], answer.media) == ({"binary_data_size": 8}, b"application/octet-stream")
    assert np.frombuffer(answer.body[length:])[0] == caller.outputs(houses([EXAMPLE]))["high"]["data"][0]
    assert (price["name"], list(price)) == ("price", ["name", "shape", "datatype", "data"])


def test_a_request_may_want_all_outputs_as_bytes(caller: InferCaller) -> None:
    answer = caller.infer(houses([EXAMPLE], parameters={"binary_data_output": True}))
    document = orjson.loads(answer.body[: int(dict(answer.headers)[LENGTH])])
    assert [output["parameters"]["binary_data_size"] for output in document["outputs"]] == [8, 8, 8]


@pytest.mark.parametrize("length", [b"", b"-1", b"1e2", b"\xb2", b"99999", b"9" * 5000])
def test_a_length_that_is_none_is_refused(caller: InferCaller, length: bytes) -> None:
    with pytest.raises(MalformedRequest, match="Inference-Header-Content-Length"):
        caller.call("POST", INFER, json.dumps(houses([EXAMPLE])).encode(), {LENGTH: length})


@pytest.mark.parametrize(("size", "sentence"), [(105, "body ends"), (103, "104 bytes, not 103"), (0, "not 0")])
def test_bytes_that_do_not_fit_the_tensor_are_refused(caller: InferCaller, size: int, sentence: str) -> None:
    assert sentence in caller.refusal(binary(size), RAW)


def test_bytes_left_over_are_refused(caller: InferCaller) -> None:
    assert "1 bytes are left over" in caller.refusal(binary(104), RAW, b"!")


def test_two_inputs_cannot_share_bytes(caller: InferCaller) -> None:
    document = {"inputs": binary(104)["inputs"] * 2}
    assert "body ends before its data" in caller.refusal(document, RAW)


@pytest.mark.parametrize("size", [-1, 1.5, True, "104", 2**70])
def test_a_size_that_is_none_is_refused(caller: InferCaller, size: object) -> None:
    assert "binary_data_size" in caller.refusal(binary(size), b"")  # type: ignore[arg-type]


def test_an_input_has_one_kind_of_data(caller: InferCaller) -> None:
    assert "either data" in caller.refusal(binary(104, data=EXAMPLE), RAW)
    assert "either data" in caller.refusal({"inputs": [{"name": "RM", "datatype": "FP64", "shape": [1]}]})


@pytest.mark.parametrize("outputs", [["cost"], ["price", "price"], ["PRICE"]])
def test_outputs_the_model_does_not_have_are_refused(caller: InferCaller, outputs: list[str]) -> None:
    assert "price, low, high" in caller.refusal(houses([EXAMPLE], outputs=[{"name": name} for name in outputs]))


def test_an_output_we_could_not_give_as_asked_is_refused(caller: InferCaller) -> None:
    wanted = {"name": "price", "parameters": {"classification": 1}}
    assert caller.refusal(houses([EXAMPLE], outputs=[wanted])).startswith("outputs.0.parameters: ")


@pytest.mark.parametrize("datatype", ["BOOL", "BYTES", "BF16", "fp64", ""])
def test_a_datatype_that_is_no_number_is_refused_clearly(caller: InferCaller, datatype: str) -> None:
    document = houses([EXAMPLE])
    document["inputs"][0]["datatype"] = datatype
    assert "must be one of UINT8" in caller.refusal(document)


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b"{}", b'"', b"\xef\xbb\xbf{}", b"[" * 5000, b'{"inputs":NaN}'])
def test_a_body_that_is_no_request_is_refused(caller: InferCaller, text: bytes) -> None:
    with pytest.raises(MalformedRequest):
        caller.call("POST", INFER, text)


def test_a_name_given_twice_is_refused(caller: InferCaller) -> None:
    text = json.dumps(houses([EXAMPLE], id='say "please"'))
    assert caller.call("POST", INFER, text.encode())
    with pytest.raises(MalformedRequest, match="more than once"):
        caller.call("POST", INFER, text.replace('"shape"', '"shape": [2, 13], "shape"').encode())


@pytest.mark.parametrize("text", [b'{"inputs": [' + b"{}," * 200_000 + b"{}]}", b'["' + b'","' * 10_000 + b'"]'])
def test_a_body_of_nothing_but_brackets_or_names_is_not_read(caller: InferCaller, text: bytes) -> None:
    with pytest.raises(MalformedRequest, match="more than a call for prices needs"):
        caller.call("POST", INFER, text)


def test_a_body_of_more_numbers_than_houses_may_have_is_not_read(caller: InferCaller) -> None:
    with pytest.raises(TooLarge, match="more numbers than 600 houses"):
        caller.call("POST", INFER, b'{"inputs": [{"data": [' + b"1," * 50_000 + b"1]}]}")


@pytest.mark.parametrize("document", [[], {"inputs": [{**houses([EXAMPLE])["inputs"][0], "parameters": []}]}])
def test_what_is_no_object_is_told_without_names_of_ours(caller: InferCaller, document: object) -> None:
    assert "Input should be an object" in caller.refusal(document)


def test_nesting_that_orjson_reads_does_no_harm(caller: InferCaller) -> None:
    deep = b'{"a\\"": ' + b"[" * 1000 + b"]" * 1000 + b"}"
    with pytest.raises(MalformedRequest):
        caller.call("POST", INFER, deep)


def test_a_packed_body_is_refused(caller: InferCaller) -> None:
    with pytest.raises(UnsupportedMedia):
        caller.call("POST", INFER, b"", {b"content-encoding": b"gzip"})


@settings(deadline=None)
@given(JSON_VALUES, st.binary(max_size=32))
def test_hostile_requests_are_refused_by_name(pricer: Pricer, document: object, rest: bytes) -> None:
    caller = InferCaller(Protocol(Inference(pricer, max_rows=2)))
    with pytest.raises(CasaError) as caught:
        caller.infer(document, rest)
    assert 400 <= caught.value.status < 500


@settings(deadline=None)
@given(st.binary())
def test_hostile_bytes_are_refused_by_name(pricer: Pricer, body: bytes) -> None:
    caller = InferCaller(Protocol(Inference(pricer, max_rows=2)))
    with pytest.raises(MalformedRequest):
        caller.call("POST", INFER, body, {LENGTH: b"%d" % len(body)})
