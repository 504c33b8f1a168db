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
from tf.gen import grpc_controller_pb2, grpc_controller_pb2_grpc

import protocol

# How Terraform writes a value that is not known yet.
UNKNOWN = msgpack.ExtType(0, b"\x00")
# What a root compares its variables with.
KNOWN = {"aws_region-id": "eu-north-1"}
NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}
MESSAGE_LIMIT = 256 << 20

Schema = protocol.message("Schema")
DynamicValue = protocol.message("DynamicValue")


def attribute(name, given):
    flags = {flag: True for flag in ("required", "optional", "computed", "write_only") if given.get(flag)}
    result = Schema.Attribute(name=name, **flags)
    if "nested_type" in given:
        result.nested_type.nesting = NESTING[given["nested_type"]["nesting_mode"]]
        inner = given["nested_type"]["attributes"]
        result.nested_type.attributes.extend(attribute(*item) for item in sorted(inner.items()))
    else:
        result.type = json.dumps(given["type"]).encode()
    return result


def block(given):
    result = Schema.Block(version=0)
    result.attributes.extend(attribute(*item) for item in sorted(given["attributes"].items()))
    for name, inner in sorted(given["block_types"].items()):
        result.block_types.append(
            Schema.NestedBlock(
                type_name=name,
                nesting=NESTING[inner["nesting_mode"]],
                block=block(inner["block"]),
                min_items=inner.get("min_items", 0),
                max_items=inner.get("max_items", 0),
            )
        )
    return result


def schema(given):
    return Schema(version=0, block=block(given["block"]))


def decode(value):
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, raw=False, strict_map_key=False, ext_hook=msgpack.ExtType)
    return json.loads(value.json) if value.json else None


def encode(value):
    return DynamicValue(msgpack=msgpack.packb(value))


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
    """What is computed and not given is unknown until it is applied, or stays as it was; what is write-only is never kept."""
    for name, kind in given["attributes"].items():
        if kind.get("write_only"):
            value[name] = None
        elif kind.get("computed") and value.get(name) is None:
            value[name] = prior.get(name) if prior else UNKNOWN
    for _, inner, item in inner_values(given, value):
        planned(inner, item, None)
    return value


def applied(given, value, path):
    """A value for everything that is unknown."""
    for name, kind in given["attributes"].items():
        if isinstance(value.get(name), msgpack.ExtType):
            if kind.get("type") == "dynamic":
                value[name] = exported(value.get("response_export_values"), f"{path}-{name}")
            else:
                value[name] = made_up(kind["type"], f"{path}-{name}") if "type" in kind else None
    for name, inner, item in inner_values(given, value):
        applied(inner, item, f"{path}-{name}")
    return value


def exported(asked, path):
    """What azapi keeps of an answer: a text under each name that is asked for. A value of any type comes with its type."""
    if asked is None:
        return None
    _, names = asked
    values = {name: f"stand-in-{path}-{name}" for name in names}
    return [json.dumps(["object", dict.fromkeys(values, "string")]).encode(), values]


def made_up(kind, path):
    if isinstance(kind, list):
        if kind[0] == "object":
            return {name: made_up(inner, f"{path}-{name}") for name, inner in kind[1].items()}
        if kind[0] == "list" and isinstance(kind[1], list):
            return [made_up(kind[1], path)]  # Such as the addresses of a service, of which there is one at least.
        return {} if kind[0] == "map" else []
    return {"string": KNOWN.get(path, f"stand-in-{path}"), "number": 0, "bool": False}.get(kind)


def answer(call, **fields):
    return protocol.message(f"{call}.Response")(**fields)


class Provider:
    """The calls of Terraform, named as in the protocol."""

    def __init__(self, schemas):
        self.schemas = schemas

    def GetProviderSchema(self, request, context):
        response = answer("GetProviderSchema", provider=schema(self.schemas["provider"]))
        for kind in ("resource_schemas", "data_source_schemas", "ephemeral_resource_schemas"):
            for name, given in self.schemas[kind].items():
                getattr(response, kind)[name].CopyFrom(schema(given))
        return response

    def GetFunctions(self, request, context):
        return answer("GetFunctions")

    def ValidateProviderConfig(self, request, context):
        return answer("ValidateProviderConfig")

    def ValidateResourceConfig(self, request, context):
        return answer("ValidateResourceConfig")

    def ValidateDataResourceConfig(self, request, context):
        return answer("ValidateDataResourceConfig")

    def ValidateEphemeralResourceConfig(self, request, context):
        return answer("ValidateEphemeralResourceConfig")

    def ConfigureProvider(self, request, context):
        return answer("ConfigureProvider")

    def StopProvider(self, request, context):
        return answer("StopProvider")

    def ReadResource(self, request, context):
        return answer("ReadResource", new_state=request.current_state)

    def UpgradeResourceState(self, request, context):
        return answer("UpgradeResourceState", upgraded_state=DynamicValue(json=request.raw_state.json))

    def PlanResourceChange(self, request, context):
        value = decode(request.proposed_new_state)
        if value is None:  # It is to be destroyed.
            return answer("PlanResourceChange", planned_state=request.proposed_new_state)
        given = self.schemas["resource_schemas"][request.type_name]["block"]
        value = planned(given, value, decode(request.prior_state))
        return answer("PlanResourceChange", planned_state=encode(value))

    def ApplyResourceChange(self, request, context):
        value = decode(request.planned_state)
        if value is not None:
            given = self.schemas["resource_schemas"][request.type_name]["block"]
            value = applied(given, value, request.type_name)
        return answer("ApplyResourceChange", new_state=encode(value))

    def ReadDataSource(self, request, context):
        return answer("ReadDataSource", state=self.read("data_source_schemas", request))

    def OpenEphemeralResource(self, request, context):
        return answer("OpenEphemeralResource", result=self.read("ephemeral_resource_schemas", request))

    def CloseEphemeralResource(self, request, context):
        return answer("CloseEphemeralResource")

    def read(self, kind, request):
        given = self.schemas[kind][request.type_name]["block"]
        path = f"ephemeral-{request.type_name}" if kind.startswith("ephemeral") else request.type_name
        return encode(applied(given, planned(given, decode(request.config), None), path))


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
    server.add_generic_rpc_handlers((protocol.handlers(provider),))
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
