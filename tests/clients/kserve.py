"""Calls a live server with KServe's clients, over HTTP and gRPC, unchanged, and prints what they heard as JSON."""

import asyncio
import json
import sys

import grpc
import httpx
import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.grpc import grpc_predict_v2_pb2

asked = json.load(sys.stdin)
key = {"x-api-key": asked["key"]}
metadata = tuple(key.items())
houses = np.array(asked["houses"])


def request(*, binary, values=houses):
    tensor = InferInput("houses", list(values.shape), "FP64")
    tensor.set_data_from_numpy(values, binary_data=binary)
    return InferRequest("casa", [tensor], request_id="mine")


def price(answer):
    return answer.get_output_by_name("price").as_numpy().ravel().tolist()


def fields(messages):
    """Each field's number and type, those of nested messages too."""
    for message in messages:
        yield from ((field.full_name, [field.number, field.type]) for field in message.fields)
        yield from fields(message.nested_types)


async def over_http(client):
    address = asked["address"]

    async def infer(**options):
        return await client.infer(address, request(**options), model_name="casa", headers=dict(key))

    try:
        await infer(binary=True, values=houses * 100)
    except httpx.HTTPStatusError as error:
        refused = [error.response.status_code, error.response.json()["error"]]
    binary = await infer(binary=True)
    return {
        "live": await client.is_server_live(address),
        "ready": await client.is_server_ready(address),
        "model_ready": await client.is_model_ready(address, "casa"),
        "id": binary.id,
        "binary": price(binary),
        "listed": price(await infer(binary=False)),
        "bad_value": refused,
    }


async def over_grpc(client):
    try:
        await client.infer(request(binary=True, values=houses * 100), headers=metadata)
    except grpc.RpcError as error:
        refused = [error.code().name, error.details()]
    binary = await client.infer(request(binary=True), headers=metadata)
    return {
        "fields": dict(fields(grpc_predict_v2_pb2.DESCRIPTOR.message_types_by_name.values())),
        "live": await client.is_server_live(),
        "ready": await client.is_server_ready(),
        "model_ready": await client.is_model_ready("casa"),
        "id": binary.id,
        "binary": price(binary),
        "listed": price(await client.infer(request(binary=False), headers=metadata)),
        "bad_value": refused,
    }


async def main():
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as rest, InferenceGRPCClient(asked["grpc"]) as rpc:
        print(json.dumps({"http": await over_http(rest), "grpc": await over_grpc(rpc)}))


asyncio.run(main())
