#!/usr/bin/env python3
"""Read the schema of a Terraform provider out of its bindings for CDK Terrain.

usage: provider_schema.py WHEEL PROVIDER OUT.json TYPE...      (data sources as data.TYPE, ephemeral resources as ephemeral.TYPE)

The wheel carries generated JavaScript. For each resource it names every argument as Terraform does, with its type, whether it
is a block, and whether it is required, optional, computed or write-only. What is written is what `terraform providers schema -json` would
say of the types that were asked for, and of the provider's own settings. Values that only the provider knows to be wrong, such
as an unknown region, are not in there.
"""

import io
import json
import re
import sys
import tarfile
import zipfile

# One argument, as a comment above its accessor.
ARGUMENT = re.compile(r"^    // (\w+) - computed: (\w+), optional: (\w+), required: (\w+)$", re.M)
# One argument that can be given, as it is put into the configuration.
INPUT = re.compile(
    r"^ {8,12}(\w+): \{\n\s+value: .*\n\s+isBlock: (true|false),\n\s+type: \"(\w+)\",\n\s+storageClassType: \"(\w+)\",", re.M
)
# One nested object: its class, the argument, and whether it is a set.
NESTED = re.compile(r"^    _\w+ = new (\w+)\(this, \"(\w+)\"(?:, (true|false))?\);", re.M)
CLASS = re.compile(r"^class (\w+) extends cdktn\.(\w+) \{\n(.*?)^\}", re.M | re.S)
TO_HCL = re.compile(r"^function (\w+)ToHclTerraform\(struct\) \{\n(.*?)^\}", re.M | re.S)
TYPE_NAME = re.compile(r'static tfResourceType = "(\w+)"')
KINDS = {
    "TerraformResource": ("resource_schemas", ""),
    "TerraformDataSource": ("data_source_schemas", "data."),
    "TerraformEphemeralResource": ("ephemeral_resource_schemas", "ephemeral."),
}
KIND = re.compile(rf"extends cdktn\.({'|'.join(KINDS)}) ")
# What is said above an accessor whose argument is sent and never kept.
WRITE_ONLY = "@deprecated Write-only:"
PROVIDER_VERSION = re.compile(r"providerVersion: '([^']+)'")

# How a computed value is read tells its type. The longer names come first: the shorter ones are parts of them.
READ_AS = [
    ("getStringMapAttribute", ["map", "string"]),
    ("getNumberMapAttribute", ["map", "number"]),
    ("getBooleanMapAttribute", ["map", "bool"]),
    ("getNumberListAttribute", ["list", "number"]),
    ("getListAttribute", ["list", "string"]),
    ("getStringAttribute", "string"),
    ("getNumberAttribute", "number"),
    ("getBooleanAttribute", "bool"),
]
PRIMITIVES = {"string": "string", "number": "number", "boolean": "bool"}


def type_of_input(kind, storage):
    """The type of a plain argument: `stringList` of the kind `set` is a set of strings."""
    if storage == "anyMap":  # The bindings have no other name for a value of any type.
        return "dynamic"
    wraps = []
    while match := re.fullmatch(r"(\w+?)(List|Map)", storage):
        storage = match[1]
        wraps.append(match[2].lower())
    result = PRIMITIVES.get(storage, "dynamic")
    for depth, wrap in enumerate(reversed(wraps), 1):
        result = ["set" if kind == "set" and depth == len(wraps) else wrap, result]
    return result


def type_of_output(code):
    """The type of a value that is only computed, from the code that reads it."""
    found = next((kind for reads, kind in READ_AS if reads in code), "dynamic")
    if isinstance(found, list) and found[0] == "list" and "tolist" in code:
        return ["set", found[1]]
    return found


def as_attribute(block_type):
    """A block inside a nested attribute, where Terraform has attributes only."""
    return {"optional": True, "nested_type": nested(block_type["nesting_mode"], block_type["block"])}


def nested(mode, block):
    blocks = {name: as_attribute(inner) for name, inner in block["block_types"].items()}
    return {"nesting_mode": mode, "attributes": block["attributes"] | blocks}


def object_type(block):
    """The type of an object that is computed as a whole."""
    fields = {name: attribute.get("type") or "dynamic" for name, attribute in block["attributes"].items()}
    for name, inner in block["block_types"].items():
        mode, kind = inner["nesting_mode"], object_type(inner["block"])
        fields[name] = kind if mode == "single" else [mode, kind]
    return ["object", fields]


class Module:
    """The generated classes of one resource."""

    def __init__(self, text):
        self.classes = {name: (parent, body) for name, parent, body in CLASS.findall(text)}
        self.to_hcl = dict(TO_HCL.findall(text))

    def schema(self, parent):
        """The schema of the class with this parent, and the provider's version."""
        body = next(body for of, body in self.classes.values() if of == parent)
        version = PROVIDER_VERSION.search(body)
        inputs = body[body.find("synthesizeHclAttributes()") :]
        return {"version": 0, "block": self.block(body, inputs, ())}, version and version[1]

    def block(self, body, inputs, outer):
        """What a class has. `outer` names the classes around it, so that types that hold themselves come to an end."""
        given = {name: (block == "true", kind, storage) for name, block, kind, storage in INPUT.findall(inputs)}
        objects = {name: (of, is_set) for of, name, is_set in NESTED.findall(body)}
        result = {"attributes": {}, "block_types": {}}
        arguments = list(ARGUMENT.finditer(body))
        for here, following in zip(arguments, arguments[1:] + [None]):
            name = here[1]
            code = body[here.end() : following.start() if following else len(body)]
            flags = self.flags(*(flag == "true" for flag in here.groups()[1:]))
            is_block, kind, storage = given.get(name, (False, None, None))
            if name in objects:
                self.add_object(result, name, objects[name], flags, (is_block, kind), outer)
            elif is_block and self.settings(storage) is not None:
                mode = "single" if kind == "struct" else kind
                result["block_types"][name] = {"nesting_mode": mode, "block": self.settings_block(storage)}
            else:
                found = type_of_input(kind, storage) if kind else type_of_output(code)
                # Terraform allows no dynamic type inside sets of blocks.
                found = "string" if found == "dynamic" and outer else found
                if WRITE_ONLY in code:
                    flags["write_only"] = True
                result["attributes"][name] = {"type": found, **flags}
        return result

    @staticmethod
    def flags(computed, optional, required):
        given = {"computed": computed, "optional": optional and not required, "required": required}
        return {flag: True for flag, is_so in given.items() if is_so}

    def add_object(self, result, name, nested_object, flags, given, outer):
        """An argument that is an object, or several: a block, a nested attribute, or a computed value."""
        (of, is_set), (is_block, kind) = nested_object, given
        base = self.base(of)
        if base is None or base in outer:
            result["attributes"][name] = {"type": "string" if outer else "dynamic", **flags}
            return
        inputs = self.to_hcl.get(base[0].lower() + base[1:], "")
        inner = self.block(self.classes[base + "OutputReference"][1], inputs, (*outer, base))
        single = of.endswith("OutputReference")
        if kind is None:
            mode = "single" if single else "set" if is_set == "true" else "list"
        else:
            mode = {"set": "set", "map": "map", "struct": "single"}.get(kind, "list")
        if is_block:
            block = {"nesting_mode": mode, "block": inner}
            if mode in ("list", "set"):
                block |= {"min_items": 1} if "required" in flags else {}
                block |= {"max_items": 1} if single else {}
            result["block_types"][name] = block
        elif kind is None:
            found = object_type(inner)
            result["attributes"][name] = {"type": found if mode == "single" else [mode, found], **flags}
        else:
            result["attributes"][name] = {"nested_type": nested(mode, inner), **flags}

    def base(self, name):
        """The class of one object: `FooList` holds many that are read through `FooOutputReference`."""
        for suffix in ("OutputReference", "MapList", "List", "Map"):
            if name.endswith(suffix) and name.removesuffix(suffix) + "OutputReference" in self.classes:
                return name.removesuffix(suffix)
        return None

    def settings(self, storage):
        """The code of a block of the provider's settings, which have no class to read them through."""
        base = (storage or "").removesuffix("List")
        return self.to_hcl.get(base[:1].lower() + base[1:])

    def settings_block(self, storage):
        """Such a block. Which of its arguments are required is not to be seen, so none is."""
        block = {"attributes": {}, "block_types": {}}
        for name, is_block, kind, inner in INPUT.findall(self.settings(storage)):
            if is_block == "true" and self.settings(inner) is not None:
                mode = "single" if kind == "struct" else kind
                block["block_types"][name] = {"nesting_mode": mode, "block": self.settings_block(inner)}
            else:
                block["attributes"][name] = {"type": type_of_input(kind, inner), "optional": True}
        return block


def modules(wheel):
    """The text of each folder of generated code, which holds one resource, one data source, or the provider."""
    with zipfile.ZipFile(wheel) as archive:
        inner = next(name for name in archive.namelist() if name.endswith(".jsii.tgz"))
        packed = io.BytesIO(archive.read(inner))
    texts = {}
    with tarfile.open(fileobj=packed, mode="r:gz") as tar:
        for member in tar:
            if match := re.fullmatch(r"package/lib/([^/]+)/.*\.js", member.name):
                text = tar.extractfile(member).read().decode().split("//# sourceMappingURL")[0]
                texts[match[1]] = texts.get(match[1], "") + "\n" + text
    return texts


def extract(wheel, provider, wanted):
    schemas = {kind: {} for kind, _ in KINDS.values()}
    for folder, text in modules(wheel).items():
        name = TYPE_NAME.search(text)
        if folder == "provider":
            schemas["provider"], schemas["version"] = Module(text).schema("TerraformProvider")
        elif name and (parent := KIND.search(text)):
            kind, prefix = KINDS[parent[1]]
            if prefix + name[1] in wanted:
                schemas[kind][name[1]], _ = Module(text).schema(parent[1])
    return {"source": f"registry.terraform.io/hashicorp/{provider}", **schemas}


def main():
    wheel, provider, out, *wanted = sys.argv[1:]
    schemas = extract(wheel, provider, set(wanted))
    found = {prefix + name for kind, prefix in KINDS.values() for name in schemas[kind]}
    if missing := set(wanted) - found:
        sys.exit(f"{provider} {schemas['version']} has no {', '.join(sorted(missing))}")
    with open(out, "w", encoding="utf-8") as file:
        json.dump(schemas, file, indent=1, sort_keys=True)
    print(schemas["version"])


if __name__ == "__main__":
    main()
