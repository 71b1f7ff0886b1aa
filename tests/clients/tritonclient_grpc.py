"""Calls a live server with NVIDIA's gRPC client, unchanged, and prints what it heard as JSON."""

import json
import sys

import numpy as np
import tritonclient.grpc as triton
from tritonclient.grpc import service_pb2
from tritonclient.utils import InferenceServerException

asked = json.load(sys.stdin)
client = triton.InferenceServerClient(asked["grpc"])
key = {"x-api-key": asked["key"]}
houses = np.array(asked["houses"])


def tensor(values, *, name="houses", datatype="FP64"):
    made = triton.InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values)
    return made


def infer(inputs, **options):
    return client.infer("casa", inputs, headers=key, **options)


def refused(inputs, *, model="casa", headers=key):
    try:
        client.infer(model, inputs, headers=headers)
    except InferenceServerException as error:
        return [error.status(), error.message()]
    return None


def price(answer):
    return answer.as_numpy("price").tolist()


columns = [tensor(column, name=name) for name, column in zip(asked["names"], houses.T.copy(), strict=True)]
binary = infer([tensor(houses)], request_id="mine")
listed = infer([tensor(houses)], outputs=[triton.InferRequestedOutput("high"), triton.InferRequestedOutput("price")])


def fields(messages):
    """Each field's number and type, those of nested messages too."""
    for message in messages:
        yield from ((field.full_name, [field.number, field.type]) for field in message.fields)
        yield from fields(message.nested_types)


print(
    json.dumps(
        {
            "fields": dict(fields(service_pb2.DESCRIPTOR.message_types_by_name.values())),
            "live": client.is_server_live(),
            "ready": client.is_server_ready(),
            "model_ready": client.is_model_ready("casa", asked["version"]),
            "server": client.get_server_metadata(headers=key).name,
            "model": list(client.get_model_metadata("casa", headers=key).versions),
            "id": binary.get_response().id,
            "binary": price(binary),
            "high": listed.as_numpy("high").tolist(),
            "listed": price(listed),
            "low": listed.as_numpy("low") is None,
            "single": price(infer([tensor(houses.astype(np.float32), datatype="FP32")])),
            "columns": price(infer(columns, model_version=asked["version"])),
            "bad_value": refused([tensor(houses * 100)]),
            "no_key": refused([tensor(houses)], headers=None),
            "other_model": refused([tensor(houses)], model="other"),
        }
    )
)
