"""A catalogue of Iceberg tables that speaks the REST protocol, for clients that bring no keys.

usage: iceberg_catalog.py ENDPOINT ACCESS_KEY SECRET_KEY WAREHOUSE DATABASE

PyIceberg's own SqlCatalog keeps the tables. Whoever loads one with `X-Iceberg-Access-Delegation: vended-credentials`
gets the credentials of a session that STS narrowed to the table's location, as Polaris and Lakekeeper give them.
"""

import http.server
import json
import signal
import sys
import urllib.parse

import boto3
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError
from pyiceberg.schema import Schema
from pyiceberg.table import CommitTableRequest

ENDPOINT, ACCESS_KEY, SECRET_KEY, WAREHOUSE, DATABASE = sys.argv[1:]
REGION = "us-east-1"
CATALOG = SqlCatalog(
    "tests",
    **{
        "uri": f"sqlite:///{DATABASE}",
        "warehouse": WAREHOUSE,
        "s3.endpoint": ENDPOINT,
        "s3.region": REGION,
        "s3.access-key-id": ACCESS_KEY,
        "s3.secret-access-key": SECRET_KEY,
    },
)
STS = boto3.client(
    "sts", endpoint_url=ENDPOINT, region_name=REGION, aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY
)


def vended(location):
    """Credentials for what lies below a location."""
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    objects = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    below = {"StringLike": {"s3:prefix": f"{prefix}/*"}}
    statements = [
        {"Effect": "Allow", "Action": objects, "Resource": f"arn:aws:s3:::{bucket}/{prefix}/*"},
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}", "Condition": below},
    ]
    answer = STS.assume_role(
        RoleArn="arn:aws:iam::000000000000:role/tables",
        RoleSessionName="catalogue",
        DurationSeconds=900,
        Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}),
    )
    credentials = answer["Credentials"]
    keys = {
        "s3.access-key-id": credentials["AccessKeyId"],
        "s3.secret-access-key": credentials["SecretAccessKey"],
        "s3.session-token": credentials["SessionToken"],
    }
    return [{"prefix": location, "config": keys}]


def metadata(table):
    return {
        "metadata-location": table.metadata_location,
        "metadata": json.loads(table.metadata.model_dump_json()),
    }


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        match self.words():
            case ["v1", "config"]:
                self.answer({"defaults": {}, "overrides": {}})
            case ["v1", "namespaces", namespace, "tables", name]:
                try:
                    self.answer_table(CATALOG.load_table((namespace, name)))
                except NoSuchTableError as error:
                    self.refuse(404, error)
            case _:
                self.refuse(404, LookupError(self.path))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        match self.words():
            case ["v1", "namespaces"]:
                asked = json.loads(body)
                CATALOG.create_namespace(tuple(asked["namespace"]))
                self.answer({"namespace": asked["namespace"], "properties": {}})
            case ["v1", "namespaces", namespace, "tables"]:
                asked = json.loads(body)
                schema = Schema.model_validate(asked["schema"])
                self.answer_table(CATALOG.create_table((namespace, asked["name"]), schema))
            case ["v1", "namespaces", namespace, "tables", name]:
                asked = CommitTableRequest.model_validate_json(body)
                table = CATALOG.load_table((namespace, name))
                try:
                    self.answer(metadata(CATALOG.commit_table(table, asked.requirements, asked.updates)))
                except CommitFailedException as error:
                    self.refuse(409, error)
            case _:
                self.refuse(404, LookupError(self.path))

    def words(self):
        return [urllib.parse.unquote(word) for word in self.path.partition("?")[0].strip("/").split("/")]

    def answer_table(self, table):
        answer = {**metadata(table), "config": {"s3.endpoint": ENDPOINT, "s3.region": REGION}}
        if self.headers["x-iceberg-access-delegation"] == "vended-credentials":
            answer["storage-credentials"] = vended(table.location())
        self.answer(answer)

    def refuse(self, status, error):
        fault = {"message": str(error), "type": type(error).__name__, "code": status}
        self.answer({"error": fault}, status)

    def answer(self, document, status=200):
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


signal.signal(signal.SIGTERM, lambda *_: sys.exit())
with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
    print(f"endpoint http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
