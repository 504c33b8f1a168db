"""Terraform's plugin protocol with ephemeral resources and write-only attributes.

The package `tf` brings version 6 of the protocol without them. What version 6.8 adds is put into a copy of its description here.
https://github.com/hashicorp/terraform/blob/v1.11.4/docs/plugin-protocol/tfplugin6.8.proto
"""

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2
from tf.gen import tfplugin_pb2

FIELD = descriptor_pb2.FieldDescriptorProto
SERVICE = "tfplugin6.Provider"
# The calls on ephemeral resources, with the fields of what is asked and of what is answered.
CALLS = {
    "ValidateEphemeralResourceConfig": (
        {"type_name": (1, "string"), "config": (2, "DynamicValue")},
        {"diagnostics": (1, "Diagnostic")},
    ),
    "OpenEphemeralResource": (
        {"type_name": (1, "string"), "config": (2, "DynamicValue")},
        {"diagnostics": (1, "Diagnostic"), "result": (3, "DynamicValue")},
    ),
    "CloseEphemeralResource": ({"type_name": (1, "string")}, {"diagnostics": (1, "Diagnostic")}),
}


def add_field(message, name, number, kind):
    field = message.field.add(name=name, number=number, label=FIELD.LABEL_OPTIONAL)
    if kind in ("string", "bool"):
        field.type = FIELD.TYPE_STRING if kind == "string" else FIELD.TYPE_BOOL
    else:
        field.type = FIELD.TYPE_MESSAGE
        field.type_name = f".tfplugin6.{kind}"
    return field


def add_call(file, name, asked, answered):
    call = file.message_type.add(name=name)
    for part, fields in (("Request", asked), ("Response", answered)):
        message = call.nested_type.add(name=part)
        for field, (number, kind) in fields.items():
            added = add_field(message, field, number, kind)
            if kind == "Diagnostic":
                added.label = FIELD.LABEL_REPEATED


def inner(message, *names):
    for name in names:
        nested = message.nested_type if hasattr(message, "nested_type") else message.message_type
        message = next(found for found in nested if found.name == name)
    return message


def extended():
    """The description of the protocol, with what is missing."""
    file = descriptor_pb2.FileDescriptorProto()
    tfplugin_pb2.DESCRIPTOR.CopyToProto(file)
    add_field(inner(file, "Schema", "Attribute"), "write_only", 11, "bool")
    schemas = inner(file, "GetProviderSchema", "Response")
    entry = schemas.nested_type.add(name="EphemeralResourceSchemasEntry")
    entry.options.map_entry = True
    add_field(entry, "key", 1, "string")
    add_field(entry, "value", 2, "Schema")
    kind = "GetProviderSchema.Response.EphemeralResourceSchemasEntry"
    add_field(schemas, "ephemeral_resource_schemas", 8, kind).label = FIELD.LABEL_REPEATED
    for name, (asked, answered) in CALLS.items():
        add_call(file, name, asked, answered)
    return file


POOL = descriptor_pool.DescriptorPool()
POOL.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
POOL.AddSerializedFile(extended().SerializeToString())


def message(name):
    """The class of a message, such as `Schema.Attribute`."""
    return message_factory.GetMessageClass(POOL.FindMessageTypeByName(f"tfplugin6.{name}"))


def handlers(provider):
    """What answers the calls that `provider` has methods for, each named as its call."""
    methods = [call.name for call in tfplugin_pb2.DESCRIPTOR.services_by_name["Provider"].methods]
    return grpc.method_handlers_generic_handler(
        SERVICE,
        {
            name: grpc.unary_unary_rpc_method_handler(
                getattr(provider, name),
                request_deserializer=message(f"{name}.Request").FromString,
                response_serializer=message(f"{name}.Response").SerializeToString,
            )
            for name in [*methods, *CALLS]
            if hasattr(provider, name)
        },
    )
