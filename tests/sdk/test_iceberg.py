"""PyIceberg, which gets its credentials from a catalogue or assumes a role by itself. It runs against the local server
only.
"""

import pathlib

import pytest

from clients import KEYS, interpreter, listed, python, run
from conftest import ENDPOINT
from servers import endpoint_of

CATALOGUE = pathlib.Path(__file__).with_name("iceberg_catalog.py")

# What is in the environment counts for nothing: these keys are nobody's.
NOBODY = {"AWS_ACCESS_KEY_ID": "NOBODY", "AWS_SECRET_ACCESS_KEY": "nobody"}

VENDED = """
import sys
import pyarrow as pa
from pyiceberg.catalog import load_catalog

uri, = sys.argv[1:]
delegation = {"header.X-Iceberg-Access-Delegation": "vended-credentials"}
catalog = load_catalog("tests", type="rest", uri=uri, **delegation)
catalog.create_namespace("lake")
first = pa.table({"n": list(range(10_000)), "s": [str(n) for n in range(10_000)]})
second = pa.table({"n": [-1, -2], "s": ["minus one", None]})
for name in ["cats", "dogs"]:
    table = catalog.create_table(("lake", name), schema=first.schema)
    assert table.io.properties["s3.access-key-id"].startswith("ASIA")
    table.append(first)

cats, dogs = catalog.load_table("lake.cats"), catalog.load_table("lake.dogs")
assert cats.scan().to_arrow().equals(first)
before = cats.current_snapshot().snapshot_id
cats.append(second)
found = cats.scan(row_filter="n < 1").to_arrow().sort_by("n")
assert found.to_pydict() == {"n": [-2, -1, 0], "s": [None, "minus one", "0"]}, found
cats.delete("n >= 10")
assert catalog.load_table("lake.cats").scan().to_arrow().num_rows == 12
assert cats.scan(snapshot_id=before).to_arrow().equals(first)


def refused(call, *words):
    try:
        call(*words)
    except (OSError, PermissionError) as error:
        return "AccessDenied" in str(error) or "ACCESS_DENIED" in str(error) or str(error)
    return "nothing was refused"


def read(io, place):
    with io.new_input(place).open() as stream:
        return stream.read()


def write(io, place):
    with io.new_output(place).create(overwrite=True) as stream:
        stream.write(b"x")


# The credentials of one table are of no use for the other.
theirs = dogs.metadata_location
assert len(read(dogs.io, theirs)) > 0
for call, words in [
    (read, (cats.io, theirs)),
    (write, (cats.io, theirs)),
    (write, (cats.io, dogs.location() + "/data/new")),
    (cats.io.delete, (theirs,)),
]:
    assert refused(call, *words) is True, refused(call, *words)
assert catalog.load_table("lake.dogs").scan().to_arrow().equals(first)
"""


def test_a_catalogue_vends_credentials_of_one_table_each(s3, bucket, tmp_path):
    command = [interpreter(), CATALOGUE, ENDPOINT, *KEYS, f"s3://{bucket}/warehouse", tmp_path / "catalogue.sqlite"]
    with endpoint_of(command) as catalogue:
        run(interpreter(), "-c", VENDED, catalogue, **NOBODY)
    keys = list(listed(s3, bucket))
    for table in ["cats", "dogs"]:
        for folder, suffix in [("data", ".parquet"), ("metadata", ".avro"), ("metadata", ".metadata.json")]:
            below = f"warehouse/lake/{table}/{folder}/"
            assert any(key.startswith(below) and key.endswith(suffix) for key in keys), (below, keys)


ROLE = """
import sys
import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog

endpoint, _, _, account, warehouse, database = sys.argv[1:]
catalog = SqlCatalog("tests", **{
    "uri": f"sqlite:///{database}", "warehouse": warehouse, "s3.endpoint": endpoint, "s3.region": "us-east-1",
    "s3.role-arn": f"arn:aws:iam::{account}:role/tables", "s3.role-session-name": "tests",
})
catalog.create_namespace("lake")
rows = pa.table({"n": [1, 2, 3]})
table = catalog.create_table("lake.rows", schema=rows.schema)
table.append(rows)
assert catalog.load_table("lake.rows").scan().to_arrow().equals(rows)
"""


def test_a_role_is_assumed(s3, bucket, tmp_path):
    """By Arrow's client of S3, which finds STS by the variable of AWS's SDKs."""

    def call(account):
        words = [account, f"s3://{bucket}/warehouse", tmp_path / account]
        python(ROLE)(*words, AWS_ENDPOINT_URL_STS=ENDPOINT)

    # Nobody else's role.
    with pytest.raises(AssertionError, match="ACCESS_DENIED"):
        call("111122223333")
    assert listed(s3, bucket) == {}
    call("000000000000")
    assert any(key.startswith("warehouse/lake/rows/data/") for key in listed(s3, bucket))
