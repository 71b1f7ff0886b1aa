import numpy as np
import orjson
import pytest

import casa
from casa.errors import MethodNotAllowed, NotFound, TooLarge, Unavailable
from casa.house import HOUSE
from casa.model.pricer import Pricer
from casa.transports.inference import Inference
from casa.transports.protocol import Protocol, is_open, owns, refuse, takes_body
from pipeline.train import Rows
from tests.transports.infer_caller import EXAMPLE, INFER, InferCaller, columns, houses


@pytest.fixture
def caller(pricer: Pricer) -> InferCaller:
    return InferCaller(Protocol(Inference(pricer, max_rows=600)))


@pytest.mark.parametrize("path", ["/v2", "/v2/"])
def test_the_server_says_what_it_is(caller: InferCaller, path: str) -> None:
    expected = {"name": "casa", "version": casa.__version__, "extensions": ["binary_tensor_data"]}
    assert caller.get(path) == expected


def test_the_model_is_listed_and_described_in_each_of_its_addresses(caller: InferCaller, pricer: Pricer) -> None:
    assert caller.get("/v2/models") == {"models": ["casa"]}
    described = caller.get("/v2/models/casa")
    assert described == caller.get(f"/v2/models/casa/versions/{pricer.bundle.version}")
    assert (described["name"], described["versions"]) == ("casa", [pricer.bundle.version])


def test_the_models_description_is_made_from_the_declaration(caller: InferCaller) -> None:
    described = caller.get("/v2/models/casa")
    assert described["inputs"] == [{"name": "houses", "datatype": "FP64", "shape": [-1, 13]}]
    outputs = [{"name": name, "datatype": "FP64", "shape": [-1]} for name in ("price", "low", "high")]
    assert described["outputs"] == outputs
    assert described["properties"]["columns"] == ",".join(HOUSE.names)


def test_health_is_told_as_clients_read_it(caller: InferCaller) -> None:
    assert caller.get("/v2/health/live") == {"live": True}
    assert caller.get("/v2/health/ready") == {"live": True, "ready": True}
    assert caller.get("/v2/models/casa/ready") == {"name": "casa", "ready": True}


def test_a_server_that_loads_lives_and_is_not_ready() -> None:
    caller = InferCaller(Protocol())
    assert caller.get("/v2/health/live") == {"live": True}
    for path in ("/v2/health/ready", "/v2/models/casa", "/v2/models/casa/ready"):
        with pytest.raises(Unavailable):
            caller.get(path)


def test_a_server_that_drains_is_not_ready_and_still_prices(pricer: Pricer) -> None:
    def drain() -> None:
        raise Unavailable("this instance is about to stop")

    caller = InferCaller(Protocol(Inference(pricer, max_rows=1), check_ready=drain))
    for path in ("/v2/health/ready", "/v2/models/casa/ready"):
        with pytest.raises(Unavailable):
            caller.get(path)
    assert caller.outputs(houses([EXAMPLE]))["price"]


@pytest.mark.parametrize("path", ["/v2/nothing", "/v2/models/", "/v2/models/other", "/v2/models/casa/versions/1"])
def test_what_is_not_served_is_not_found(caller: InferCaller, path: str) -> None:
    with pytest.raises(NotFound):
        caller.get(path)


def test_an_unknown_version_is_not_found_wherever_it_is_asked_for(caller: InferCaller) -> None:
    for action in ("ready", "infer"):
        with pytest.raises(NotFound):
            caller.call("POST" if action == "infer" else "GET", f"/v2/models/casa/versions/beef/{action}")


def test_prices_are_for_posting_and_the_rest_for_reading(caller: InferCaller) -> None:
    for method, path, allowed in (("GET", INFER, "POST"), ("POST", "/v2", "GET"), ("PUT", "/v2/models/casa", "GET")):
        with pytest.raises(MethodNotAllowed) as caught:
            caller.call(method, path)
        assert allowed in caught.value.allowed


def test_the_table_costs_what_the_model_says(caller: InferCaller, pricer: Pricer, table: Rows) -> None:
    outputs = caller.outputs(houses(table.houses))
    for name, values in pricer.price(table.houses)._asdict().items():
        assert outputs[name]["data"] == values.tolist()
        assert (outputs[name]["datatype"], outputs[name]["shape"]) == ("FP64", [len(table.houses)])


def test_a_house_costs_the_same_alone_and_among_others(caller: InferCaller, table: Rows) -> None:
    together = caller.outputs(houses(table.houses[:50]))
    for row in range(50):
        alone = caller.outputs(houses(table.houses[row : row + 1]))
        assert {name: one["data"] for name, one in alone.items()} == {n: [t["data"][row]] for n, t in together.items()}


def test_columns_and_houses_have_the_same_prices(caller: InferCaller) -> None:
    assert caller.outputs(columns()) == caller.outputs(houses([EXAMPLE]))


def test_null_is_a_gap_where_one_may_be(caller: InferCaller, pricer: Pricer) -> None:
    house = [np.nan if feature.optional else feature.example for feature in HOUSE.features]
    outputs = caller.outputs(columns(ZN=[None], INDUS=[None], CHAS=[None]))
    assert outputs["price"]["data"] == pricer.price(np.array([house])).price.tolist()


def test_an_answer_names_its_model_and_repeats_the_id(caller: InferCaller, pricer: Pricer) -> None:
    given, ours = (orjson.loads(caller.infer(houses([EXAMPLE], **more)).body) for more in ({"id": "theirs"}, {}))
    assert (given["id"], ours["id"]) == ("theirs", "our-id")
    assert (given["model_name"], given["model_version"]) == ("casa", pricer.bundle.version)


def test_only_wanted_outputs_come_in_the_order_they_were_wanted(caller: InferCaller) -> None:
    for names in (["high"], ["low", "price"]):
        assert list(caller.outputs(houses([EXAMPLE], outputs=[{"name": name} for name in names]))) == names


def test_the_path_may_name_the_version_that_is_served(caller: InferCaller, pricer: Pricer) -> None:
    path = f"/v2/models/casa/versions/{pricer.bundle.version}/infer"
    assert orjson.loads(caller.infer(houses([EXAMPLE]), path=path).body)["model_name"] == "casa"


def test_every_house_is_charged_and_a_refused_call_as_one(caller: InferCaller) -> None:
    caller.infer(houses([EXAMPLE] * 7))
    caller.refusal({"inputs": []})
    assert caller.charged == [7, 1]


def test_a_value_out_of_range_is_named_by_row_and_feature(caller: InferCaller) -> None:
    wrong = [EXAMPLE, [*EXAMPLE[:5], 9.5, *EXAMPLE[6:]]]
    assert caller.refusal(houses(wrong)) == "row 1, RM: Input should be less than or equal to 9"


def test_too_many_houses_are_refused(caller: InferCaller) -> None:
    with pytest.raises(TooLarge, match="at most 600 houses"):
        caller.infer(houses([EXAMPLE] * 601))


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
