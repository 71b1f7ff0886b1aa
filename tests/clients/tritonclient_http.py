"""Calls a live server with NVIDIA's HTTP client, unchanged, and prints what it heard as JSON."""

import json
import sys

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

asked = json.load(sys.stdin)
client = triton.InferenceServerClient(asked["address"].removeprefix("http://"))
key = {"x-api-key": asked["key"]}
houses = np.array(asked["houses"])


def tensor(values, *, name="houses", datatype="FP64", binary=True):
    made = triton.InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values, binary_data=binary)
    return made


def infer(inputs, **options):
    return client.infer("casa", inputs, headers=dict(key), **options)  # it writes into them


def refused(inputs, *, model="casa", headers=key):
    try:
        client.infer(model, inputs, headers=headers)
    except InferenceServerException as error:
        return [error.status(), error.message()]
    return None


def price(answer):
    return answer.as_numpy("price").tolist()


wanted = [triton.InferRequestedOutput("high"), triton.InferRequestedOutput("price", binary_data=False)]
columns = [tensor(column, name=name) for name, column in zip(asked["names"], houses.T.copy(), strict=True)]
binary, listed = infer([tensor(houses)], request_id="mine"), infer([tensor(houses, binary=False)], outputs=wanted)

print(
    json.dumps(
        {
            "live": client.is_server_live(),
            "ready": client.is_server_ready(),
            "model_ready": client.is_model_ready("casa", asked["version"]),
            "other_ready": client.is_model_ready("other"),
            "server": client.get_server_metadata(headers=key)["name"],
            "model": client.get_model_metadata("casa", headers=key)["versions"],
            "id": binary.get_response()["id"],
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
