#!/usr/bin/env python3
"""A Terraform provider that knows a schema and nothing else.

usage: stand_in_provider.py SCHEMA.json              (started by Terraform, with TF_DISABLE_PLUGIN_TLS=1)

It lets `terraform init`, `validate`, `plan` and `test` check a configuration against the real argument names and types without
a network or an account: what the schema (made by provider_schema.py) does not allow, Terraform refuses. Applying makes nothing
but values for what is computed. It speaks version 6 of Terraform's plugin protocol, over a socket that only this user reaches.
https://developer.hashicorp.com/terraform/plugin/terraform-plugin-protocol
"""

import json
import os
import sys
import tempfile
import threading
from concurrent import futures

import grpc
import msgpack
from tf.gen import grpc_controller_pb2, grpc_controller_pb2_grpc, tfplugin_pb2 as pb, tfplugin_pb2_grpc

# How Terraform writes a value that is not known yet.
UNKNOWN = msgpack.ExtType(0, b"\x00")
# What a root compares its variables with.
KNOWN = {"aws_region-id": "eu-north-1"}
NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}
MESSAGE_LIMIT = 256 << 20


def attribute(name, given):
    flags = {flag: True for flag in ("required", "optional", "computed") if given.get(flag)}
    result = pb.Schema.Attribute(name=name, **flags)
    if "nested_type" in given:
        result.nested_type.nesting = NESTING[given["nested_type"]["nesting_mode"]]
        inner = given["nested_type"]["attributes"]
        result.nested_type.attributes.extend(attribute(*item) for item in sorted(inner.items()))
    else:
        result.type = json.dumps(given["type"]).encode()
    return result


def block(given):
    result = pb.Schema.Block(version=0)
    result.attributes.extend(attribute(*item) for item in sorted(given["attributes"].items()))
    for name, inner in sorted(given["block_types"].items()):
        result.block_types.append(
            pb.Schema.NestedBlock(
                type_name=name,
                nesting=NESTING[inner["nesting_mode"]],
                block=block(inner["block"]),
                min_items=inner.get("min_items", 0),
                max_items=inner.get("max_items", 0),
            )
        )
    return result


def schema(given):
    return pb.Schema(version=0, block=block(given["block"]))


def decode(value):
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, raw=False, strict_map_key=False, ext_hook=msgpack.ExtType)
    return json.loads(value.json) if value.json else None


def encode(value):
    return pb.DynamicValue(msgpack=msgpack.packb(value))


def inner_values(given, value):
    """The values of the blocks inside a block, each with its schema."""
    for name, inner in given["block_types"].items():
        found = value.get(name)
        if isinstance(found, dict):
            every = [found] if inner["nesting_mode"] == "single" else found.values()
        else:
            every = found if isinstance(found, list) else []
        for item in every:
            if isinstance(item, dict):
                yield name, inner["block"], item


def planned(given, value, prior):
    """What is computed and not given is unknown until it is applied, or stays as it was."""
    for name, kind in given["attributes"].items():
        if kind.get("computed") and value.get(name) is None:
            value[name] = prior.get(name) if prior else UNKNOWN
    for _, inner, item in inner_values(given, value):
        planned(inner, item, None)
    return value


def applied(given, value, path):
    """A value for everything that is unknown."""
    for name, kind in given["attributes"].items():
        if isinstance(value.get(name), msgpack.ExtType):
            value[name] = made_up(kind["type"], f"{path}-{name}") if "type" in kind else None
    for name, inner, item in inner_values(given, value):
        applied(inner, item, f"{path}-{name}")
    return value


def made_up(kind, path):
    if isinstance(kind, list):
        if kind[0] == "object":
            return {name: made_up(inner, f"{path}-{name}") for name, inner in kind[1].items()}
        return {} if kind[0] == "map" else []
    return {"string": KNOWN.get(path, f"stand-in-{path}"), "number": 0, "bool": False}.get(kind)


class Provider(tfplugin_pb2_grpc.ProviderServicer):
    """The calls of Terraform, named as in the protocol."""

    def __init__(self, schemas):
        self.schemas = schemas

    def GetMetadata(self, request, context):
        response = pb.GetMetadata.Response()
        for name in self.schemas["resource_schemas"]:
            response.resources.add(type_name=name)
        for name in self.schemas["data_source_schemas"]:
            response.data_sources.add(type_name=name)
        return response

    def GetProviderSchema(self, request, context):
        response = pb.GetProviderSchema.Response(provider=schema(self.schemas["provider"]))
        for name, given in self.schemas["resource_schemas"].items():
            response.resource_schemas[name].CopyFrom(schema(given))
        for name, given in self.schemas["data_source_schemas"].items():
            response.data_source_schemas[name].CopyFrom(schema(given))
        return response

    def GetFunctions(self, request, context):
        return pb.GetFunctions.Response()

    def ValidateProviderConfig(self, request, context):
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request, context):
        return pb.ValidateResourceConfig.Response()

    def ValidateDataResourceConfig(self, request, context):
        return pb.ValidateDataResourceConfig.Response()

    def ConfigureProvider(self, request, context):
        return pb.ConfigureProvider.Response()

    def StopProvider(self, request, context):
        return pb.StopProvider.Response()

    def ReadResource(self, request, context):
        return pb.ReadResource.Response(new_state=request.current_state)

    def UpgradeResourceState(self, request, context):
        state = pb.DynamicValue(json=request.raw_state.json)
        return pb.UpgradeResourceState.Response(upgraded_state=state)

    def PlanResourceChange(self, request, context):
        value = decode(request.proposed_new_state)
        if value is None:  # It is to be destroyed.
            return pb.PlanResourceChange.Response(planned_state=request.proposed_new_state)
        given = self.schemas["resource_schemas"][request.type_name]["block"]
        value = planned(given, value, decode(request.prior_state))
        return pb.PlanResourceChange.Response(planned_state=encode(value))

    def ApplyResourceChange(self, request, context):
        value = decode(request.planned_state)
        if value is not None:
            given = self.schemas["resource_schemas"][request.type_name]["block"]
            value = applied(given, value, request.type_name)
        return pb.ApplyResourceChange.Response(new_state=encode(value))

    def ReadDataSource(self, request, context):
        given = self.schemas["data_source_schemas"][request.type_name]["block"]
        value = applied(given, planned(given, decode(request.config), None), request.type_name)
        return pb.ReadDataSource.Response(state=encode(value))


class Controller(grpc_controller_pb2_grpc.GRPCControllerServicer):
    """Terraform's way to end the process."""

    def __init__(self):
        self.ended = threading.Event()

    def Shutdown(self, request, context):
        self.ended.set()
        return grpc_controller_pb2.Empty()


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        provider = Provider(json.load(file))
    controller = Controller()
    limits = [("grpc.max_send_message_length", MESSAGE_LIMIT), ("grpc.max_receive_message_length", MESSAGE_LIMIT)]
    server = grpc.server(futures.ThreadPoolExecutor(8), options=limits)
    tfplugin_pb2_grpc.add_ProviderServicer_to_server(provider, server)
    grpc_controller_pb2_grpc.add_GRPCControllerServicer_to_server(controller, server)
    with tempfile.TemporaryDirectory(prefix="stand-in-") as folder:
        socket = os.path.join(folder, "socket")
        server.add_insecure_port(f"unix:{socket}")
        server.start()
        print(f"1|6|unix|{socket}|grpc|", flush=True)
        controller.ended.wait()
        server.stop(0.2).wait()


if __name__ == "__main__":
    main()
