"""Stock clients, with nothing set but an endpoint and keys."""

import concurrent.futures
import os
import re
import subprocess
import sys
from urllib.parse import urlsplit

from place import MIB
from questions import answers
from seen import shortened

# Where a body is too large for the platform, the answer is one of these and says so.
REFUSALS = ("EntityTooLarge", "NotImplemented")
# In bytes, with how it is sent where that is not for the client to choose.
SIZES = [("0 bytes", 0, None), ("1 KB", 1000, None), ("4 MB", 4_000_000, None)]
SIZES += [("5 MiB and a byte, in parts", 5 * MIB + 1, 5 * MIB), ("20 MB", 20_000_000, None)]
PARTS = "[default]\ns3 =\n    multipart_threshold = {0}\n    multipart_chunksize = {0}\n"


def aws(seen, *arguments, part=None):
    """Runs AWS's command line; how it ended, and what it said."""
    environment = dict(os.environ)
    if part:
        configuration = seen.place.folder / "parts"
        configuration.write_text(PARTS.format(part))
        environment["AWS_CONFIG_FILE"] = str(configuration)
    command = [sys.executable, "-m", "awscli", "--endpoint-url", seen.place.endpoint.url, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


def is_refused_by_name(text):
    """Whether an error says that the platform cannot carry this much, as docs/limits.md has it."""
    return "BleepStore on" in text and any(f"({code})" in text for code in REFUSALS)


def copied(seen, _, size, part):
    """Copies a file in and out; what should have been so and is not, if anything, and what is to be noted."""
    there, back = seen.place.folder / f"there-{size}", seen.place.folder / f"back-{size}"
    there.write_bytes(os.urandom(size))
    url = f"s3://{seen.place.bucket}/cli/{size}"
    status, said = aws(seen, "s3", "cp", there, url, "--no-progress", part=part)
    if status and is_refused_by_name(said):
        return None, f"refused by name: {shortened(said)}"
    if status:
        return "aws s3 cp stores it", f"in: {shortened(said)}"
    status, said = aws(seen, "s3", "cp", url, back, "--no-progress", part=part)
    if status or back.read_bytes() != there.read_bytes():
        return "aws s3 cp gives it back", f"out: {shortened(said)}"
    return None, "the same bytes came back"


@answers("aws-cli-copy")
def aws_cli_copy(seen):
    seen.place.put("cli/0", b"")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for what, (complaint, note) in zip((what for what, _, _ in SIZES), pool.map(lambda of: copied(seen, *of), SIZES)):
            seen.note(f"{what}: {note}")
            seen.expect(f"{what}: {complaint}", complaint is None)


@answers("aws-cli-tree")
def aws_cli_tree(seen):
    bucket, there, back = seen.place.bucket, seen.place.folder / "tree", seen.place.folder / "tree-back"
    files = {"one": b"1", "nested/two": b"22", "nested/a b+c": b"", "grüße": b"4444"}
    for name, body in files.items():
        (there / name).parent.mkdir(parents=True, exist_ok=True)
        (there / name).write_bytes(body)
    steps = [
        ("sync in", ("s3", "sync", there, f"s3://{bucket}/tree", "--no-progress")),
        ("ls", ("s3", "ls", "--recursive", f"s3://{bucket}/tree/")),
        ("sync out", ("s3", "sync", f"s3://{bucket}/tree", back, "--no-progress")),
        ("rm", ("s3", "rm", "--recursive", f"s3://{bucket}/tree")),
    ]
    for what, arguments in steps:
        status, said = aws(seen, *arguments)
        seen.note(f"{what}: {shortened(said) if status else 'done'}")
        seen.expect(f"aws s3 {what} ends well", status == 0)
        if what == "ls":
            missing = [name for name in files if not re.search(rf"\d tree/{re.escape(name)}$", said, re.M)]
            seen.expect(f"aws s3 ls shows {missing}", not missing)
        if what == "sync out":
            same = all((back / name).is_file() and (back / name).read_bytes() == body for name, body in files.items())
            seen.expect("aws s3 sync gives back the same files", same)
    seen.expect("nothing is left after aws s3 rm", not seen.place.keys("tree/"))


@answers("boto3-copy")
def boto3_copy(seen):
    from boto3.s3.transfer import TransferConfig

    bucket, s3 = seen.place.bucket, seen.place.s3
    for what, size, part in SIZES:
        there, back = seen.place.folder / "there", seen.place.folder / "back"
        there.write_bytes(os.urandom(size))
        back.unlink(missing_ok=True)
        config = TransferConfig(multipart_threshold=part, multipart_chunksize=part) if part else TransferConfig()
        try:
            s3.upload_file(str(there), bucket, f"boto3/{size}", Config=config)
            s3.download_file(bucket, f"boto3/{size}", str(back), Config=config)
        except Exception as error:  # whatever a client raises is what a user of it would see
            if is_refused_by_name(str(error)):
                seen.note(f"{what}: refused by name: {shortened(error)}")
                continue
            seen.note(f"{what}: {type(error).__name__}: {shortened(error)}")
        same = back.exists() and back.read_bytes() == there.read_bytes()
        if seen.expect(f"boto3 stores {what} and gives them back", same):
            seen.note(f"{what}: the same bytes came back")


@answers("boto3-head")
def boto3_head(seen):
    seen.place.put("boto3-head", b"12345\n")
    head = seen.client("head_object", lambda: seen.place.s3.head_object(Bucket=seen.place.bucket, Key="boto3-head"))
    length = head and head.get("ContentLength")
    seen.note(f"head_object says ContentLength: {length}")
    seen.expect("ContentLength: 6", length == 6)


def presigned(seen, version):
    """A URL of each kind, used without any credential."""
    s3 = seen.place.boto3(signature_version=version)
    body, key = b"presigned\n", f"presigned/a b+c {version}"
    parameters = {"Bucket": seen.place.bucket, "Key": key}
    for method, operation in [("PUT", "put_object"), ("GET", "get_object"), ("HEAD", "head_object")]:
        url = urlsplit(s3.generate_presigned_url(operation, Params=parameters))
        sent = {"body": body} if method == "PUT" else {}
        answer = seen.ask(method, url.path, url.query, sign=False, **sent)
        seen.expect(f"200 of {method}", answer.status == 200)
        if method == "GET":
            seen.expect("GET gives back what was put", answer.body == body)


@answers("presigned-v4")
def presigned_v4(seen):
    presigned(seen, "s3v4")


@answers("presigned-v2")
def presigned_v2(seen):
    presigned(seen, "s3")


@answers("boto3-delete")
def boto3_delete(seen):
    bucket, s3 = seen.place.bucket, seen.place.s3
    keys = ["deleted/one", "deleted/two", "deleted/a b+c é"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    one = seen.client("delete_object", lambda: s3.delete_object(Bucket=bucket, Key=keys[0]))
    seen.expect("delete_object is 204", one and one["ResponseMetadata"]["HTTPStatusCode"] == 204)
    several = {"Objects": [{"Key": key} for key in keys[1:]]}
    many = seen.client("delete_objects", lambda: s3.delete_objects(Bucket=bucket, Delete=several))
    deleted = sorted(entry["Key"] for entry in (many or {}).get("Deleted", []))
    seen.note(f"delete_objects says {deleted}")
    seen.expect("delete_objects names what it deleted", deleted == sorted(keys[1:]))
    seen.expect("nothing is listed any more", not seen.place.keys("deleted/"))


@answers("listings")
def listings(seen):
    seen.place.put("listed/one", b"")
    for query in [
        "list-type=2&delimiter=%2F",
        "list-type=2&prefix=listed%2F&start-after=listed%2F",
        "uploads=",
    ]:
        answer = seen.ask("GET", f"/{seen.place.bucket}", query)
        seen.expect(f"200 of ?{query}", answer.status == 200)
    seen.expect("200 of all buckets", seen.ask("GET", "/").status == 200)
