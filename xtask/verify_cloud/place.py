"""What is looked at: an endpoint, a bucket of this run's own in it, and what must be removed in the end."""

import base64
import functools
import hashlib
import pathlib
import secrets
import tempfile
from urllib.parse import quote, urlencode
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from endpoint import code
from seen import CouldNotTell

MIB = 1024 * 1024


class Place:
    """A deployment of a cloud, as the command was told of it."""

    def __init__(self, options, endpoint, account):
        self.endpoint = endpoint
        # The environment of the cloud's own command line.
        self.account = account
        self.cloud = options.cloud
        # That of the deployment, by which its resources are called.
        self.name = options.name
        self.slow = options.slow
        # The front has its own limits where it is a function's URL.
        self.is_function_url = ".lambda-url." in endpoint.host
        self.buckets = []
        self._scratch = tempfile.TemporaryDirectory(prefix="verify-cloud-")
        self.folder = pathlib.Path(self._scratch.name)
        self._bucket = None
        self._refusal = None

    @property
    def bucket(self):
        """The bucket of this run, made when it is first needed."""
        if self._refusal:
            raise CouldNotTell(self._refusal)
        if self._bucket is None:
            name = f"verify-{secrets.token_hex(8)}"
            # Noted before: an answer may be lost.
            self.buckets.append(name)
            answer = self.endpoint.ask("PUT", f"/{name}")
            if answer.status != 200:
                self.buckets.remove(name)
                self._refusal = f"no bucket could be made: {Refused(answer)}"
                raise CouldNotTell(self._refusal)
            self._bucket = name
        return self._bucket

    def put(self, key, body, **options):
        """Stores an object that a check begins with."""
        answer = self.endpoint.ask("PUT", f"/{self.bucket}/{key}", body=body, **options)
        if answer.status != 200:
            raise CouldNotTell(f"an object of {len(body)} bytes could not be stored: {Refused(answer)}")

    @functools.cached_property
    def s3(self):
        """boto3's client as it is by default."""
        return self.boto3()

    def boto3(self, **options):
        """boto3's client, which does not hide an answer by asking again."""
        import boto3
        from botocore.config import Config

        session = boto3.Session(
            aws_access_key_id=self.endpoint.access_key,
            aws_secret_access_key=self.endpoint.secret_key,
            region_name=self.endpoint.region,
        )
        config = Config(
            s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, connect_timeout=30, read_timeout=120, **options
        )
        return session.client("s3", endpoint_url=self.endpoint.url, config=config)

    def keys(self, prefix=""):
        """The keys of this run's bucket that begin with this."""
        return list(self._keys(self.bucket, prefix))

    def _keys(self, bucket, prefix=""):
        query = {"list-type": "2", "prefix": prefix}
        while True:
            page = self._xml("GET", bucket, urlencode(query, quote_via=quote, safe=""))
            yield from (entry.text or "" for entry in page.iterfind("{*}Contents/{*}Key"))
            token = page.findtext("{*}NextContinuationToken")
            if not token:
                return
            query["continuation-token"] = token

    def _xml(self, method, bucket, query, **options):
        """What a request about a bucket is answered with, as XML. The bucket is all of its path, which no platform rewrites."""
        answer = self.endpoint.ask(method, f"/{bucket}", query, **options)
        if answer.status not in (200, 204):
            raise Refused(answer)
        return ElementTree.fromstring(answer.body) if answer.body else None

    def remove(self):
        """Removes what was made. What could not be removed, with the reason."""
        self._scratch.cleanup()
        left = []
        for bucket in self.buckets:
            try:
                self._remove(bucket)
            except Exception as error:  # each of them is tried
                left.append(f"{bucket}: {error}")
        return left

    def _remove(self, bucket):
        """Open uploads go with the bucket."""
        try:
            keys = list(self._keys(bucket))
            for at in range(0, len(keys), 1000):
                self._delete(bucket, keys[at : at + 1000])
            self._xml("DELETE", bucket, "")
        except Refused as refused:
            if code(refused.answer) != "NoSuchBucket":
                raise

    def _delete(self, bucket, keys):
        objects = "".join(f"<Object><Key>{escape(key)}</Key></Object>" for key in keys)
        body = f"<Delete>{objects}<Quiet>true</Quiet></Delete>".encode()
        md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
        said = self._xml("POST", bucket, "delete=", body=body, headers=[("content-md5", md5)])
        failed = [f"{entry.findtext('{*}Key')}: {entry.findtext('{*}Code')}" for entry in said.iterfind("{*}Error")]
        if failed:
            raise CouldNotTell(", ".join(failed[:3]))


class Refused(CouldNotTell):
    """An answer that is no success."""

    def __init__(self, answer):
        super().__init__(f"{answer.status_line}, {code(answer)}")
        self.answer = answer
