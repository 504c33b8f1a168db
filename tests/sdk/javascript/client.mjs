// The AWS SDK for JavaScript 3, with nothing set but an endpoint, a region, and keys in the environment.
//
// usage: client.mjs ENDPOINT BUCKET        (a bucket with nothing in it)

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import {
  AbortMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteBucketTaggingCommand,
  DeleteObjectCommand,
  DeleteObjectTaggingCommand,
  DeleteObjectsCommand,
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  NoSuchKey,
  NotFound,
  PutBucketTaggingCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  S3Client,
  S3ServiceException,
  paginateListObjectsV2,
  waitUntilBucketNotExists,
  waitUntilObjectExists,
  waitUntilObjectNotExists,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const [endpoint, bucket] = process.argv.slice(2);
// Without the last one it takes the bucket for a part of the host's name, which an address has not.
const options = { endpoint, region: "us-east-1", forcePathStyle: true };
const s3 = new S3Client(options);

const at = (Key, more = {}) => ({ Bucket: bucket, Key, ...more });
const put = (Key, Body, more) => s3.send(new PutObjectCommand(at(Key, { Body, ...more })));
const get = (Key, more) => s3.send(new GetObjectCommand(at(Key, more)));
const text = async (Key, more) => (await get(Key, more)).Body.transformToString();
const bytes = (length, seed) => {
  const blocks = [];
  for (let n = 0; n * 32 < length; n++) blocks.push(createHash("sha256").update(`${seed}:${n}`).digest());
  return Buffer.concat(blocks).subarray(0, length);
};
const all = async (pages, of) => {
  const found = [];
  for await (const page of pages) found.push(of(page));
  return found;
};

const checks = {
  async "puts and gets with metadata and checksums"() {
    const done = await put("a key/é+%", "body", { ContentType: "text/x-test", Metadata: { color: "red" } });
    assert.ok(done.ChecksumCRC32, "the SDK's checksum was not taken");
    const got = await get("a key/é+%");
    assert.deepEqual([got.ContentType, got.Metadata, got.ContentLength], ["text/x-test", { color: "red" }, 4]);
    assert.deepEqual([got.ETag, got.ChecksumCRC32], [done.ETag, done.ChecksumCRC32]);
    assert.equal(await got.Body.transformToString(), "body");
    assert.equal(await text("a key/é+%", { Range: "bytes=1-2" }), "od");
    const sha256 = await put("sha256", "body", { ChecksumAlgorithm: "SHA256" });
    assert.equal(sha256.ChecksumSHA256, createHash("sha256").update("body").digest("base64"));
    const refused = put("sha256", "body", { ChecksumSHA256: createHash("sha256").digest("base64") });
    await assert.rejects(refused, { name: "BadDigest" });
  },

  async "decides conditions"() {
    const first = await put("once", "first", { IfNoneMatch: "*" });
    await assert.rejects(put("once", "second", { IfNoneMatch: "*" }), { name: "PreconditionFailed" });
    await put("once", "second", { IfMatch: first.ETag });
    await assert.rejects(put("once", "third", { IfMatch: first.ETag }), { name: "PreconditionFailed" });
    await assert.rejects(get("once", { IfMatch: first.ETag }), (error) => error.$metadata.httpStatusCode === 412);
    assert.equal(await text("once"), "second");
  },

  async "makes errors that can be told apart"() {
    await assert.rejects(get("absent"), NoSuchKey);
    await assert.rejects(s3.send(new HeadObjectCommand(at("absent"))), NotFound);
    await assert.rejects(s3.send(new HeadBucketCommand({ Bucket: `${bucket}-none` })), NotFound);
    const upload = s3.send(new AbortMultipartUploadCommand(at("absent", { UploadId: "none" })));
    await assert.rejects(upload, { name: "NoSuchUpload" });
    const credentials = { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: "another" };
    const forged = new S3Client({ ...options, credentials });
    await assert.rejects(forged.send(new GetObjectCommand(at("absent"))), (error) => {
      assert.ok(error instanceof S3ServiceException && error.$metadata.requestId);
      return error.name === "SignatureDoesNotMatch";
    });
  },

  async "pages through listings"() {
    const keys = ["list/a", "list/b/1", "list/b/2", "list/c d", "list/é"];
    for (const key of keys) await put(key, key);
    const list = (config, more) =>
      paginateListObjectsV2({ client: s3, ...config }, { Bucket: bucket, Prefix: "list/", ...more });
    const pages = await all(list({ pageSize: 2 }), (page) => page.Contents);
    assert.deepEqual(
      pages.map((page) => page.length),
      [2, 2, 1],
    );
    assert.deepEqual(
      pages.flat().map((entry) => entry.Key),
      keys,
    );
    const [folded] = await all(list({}, { Delimiter: "/" }), (page) => page);
    assert.deepEqual(
      folded.Contents.map((entry) => entry.Key),
      ["list/a", "list/c d", "list/é"],
    );
    assert.deepEqual(folded.CommonPrefixes, [{ Prefix: "list/b/" }]);
  },

  async "copies and deletes"() {
    await put("source", "body", { Metadata: { color: "red" } });
    const copy = { CopySource: `${bucket}/source`, MetadataDirective: "REPLACE", Metadata: { color: "blue" } };
    const copied = await s3.send(new CopyObjectCommand(at("copy", copy)));
    const got = await get("copy");
    assert.deepEqual([got.ETag, got.Metadata], [copied.CopyObjectResult.ETag, { color: "blue" }]);
    assert.equal(await got.Body.transformToString(), "body");
    const Objects = ["source", "copy", "never"].map((Key) => ({ Key }));
    const deleted = await s3.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects } }));
    assert.deepEqual(deleted.Deleted.map((entry) => entry.Key).sort(), ["copy", "never", "source"]);
    assert.equal(deleted.Errors, undefined);
    await assert.rejects(get("copy"), NoSuchKey);
  },

  async "keeps tags"() {
    const tags = [
      { Key: "a key/+=", Value: "a value:@" },
      { Key: "color", Value: "red" },
    ];
    const shown = async (Key) => (await s3.send(new GetObjectTaggingCommand(at(Key)))).TagSet;
    await put("tagged", "x", { Tagging: "a%20key%2F%2B%3D=a%20value%3A%40&color=red" });
    assert.deepEqual(await shown("tagged"), tags);
    const got = await get("tagged");
    assert.deepEqual([got.TagCount, await got.Body.transformToString()], [2, "x"]);
    await new Upload({ client: s3, params: at("uploaded", { Body: "x" }), tags }).done();
    assert.deepEqual(await shown("uploaded"), tags);
    await s3.send(new PutObjectTaggingCommand(at("tagged", { Tagging: { TagSet: tags.slice(1) } })));
    assert.deepEqual(await shown("tagged"), tags.slice(1));
    await s3.send(new DeleteObjectTaggingCommand(at("tagged")));
    assert.deepEqual(await shown("tagged"), []);
    const where = { Bucket: bucket };
    await assert.rejects(s3.send(new GetBucketTaggingCommand(where)), { name: "NoSuchTagSet" });
    await s3.send(new PutBucketTaggingCommand({ ...where, Tagging: { TagSet: tags } }));
    assert.deepEqual((await s3.send(new GetBucketTaggingCommand(where))).TagSet, tags);
    await s3.send(new DeleteBucketTaggingCommand(where));
  },

  async "uploads a stream in parts"() {
    const body = bytes(12 * 1024 * 1024 + 11, "parts");
    const half = body.length / 2;
    const Body = Readable.from([body.subarray(0, half), body.subarray(half)]);
    const params = at("large", { Body, Metadata: { color: "red" } });
    const upload = new Upload({ client: s3, partSize: 5 * 1024 * 1024, queueSize: 3, params });
    const loaded = [];
    upload.on("httpUploadProgress", (progress) => loaded.push(progress.loaded));
    const done = await upload.done();
    assert.match(done.ETag, /-3"$/);
    assert.equal(Math.max(...loaded), body.length);
    const got = await get("large");
    assert.deepEqual([got.ContentLength, got.ETag, got.Metadata], [body.length, done.ETag, { color: "red" }]);
    assert.ok(body.equals(await got.Body.transformToByteArray()), "another body came back");
    const second = await get("large", { PartNumber: 2 });
    assert.deepEqual([second.ContentLength, second.PartsCount], [5 * 1024 * 1024, 3]);
    second.Body.destroy();
    // What fits into a part goes up at once.
    const small = await new Upload({ client: s3, params: at("small", { Body: "small" }) }).done();
    assert.equal(small.ETag, `"${createHash("md5").update("small").digest("hex")}"`);
  },

  async "aborts an upload"() {
    const upload = new Upload({
      client: s3,
      params: at("aborted", { Body: Readable.from([bytes(6 << 20, "aborted")]) }),
    });
    upload.on("httpUploadProgress", () => upload.abort());
    await assert.rejects(upload.done(), { name: "AbortError" });
    await assert.rejects(get("aborted"), NoSuchKey);
    const begun = await s3.send(new CreateMultipartUploadCommand(at("aborted")));
    await s3.send(new AbortMultipartUploadCommand(at("aborted", { UploadId: begun.UploadId })));
  },

  async "presigns requests"() {
    const url = (command) => getSignedUrl(s3, command, { expiresIn: 60 });
    const written = await fetch(await url(new PutObjectCommand(at("a signed/key é"))), {
      method: "PUT",
      body: "signed",
    });
    assert.equal(written.status, 200);
    const read = await url(new GetObjectCommand(at("a signed/key é", { ResponseContentType: "text/x-named" })));
    const answer = await fetch(read);
    assert.deepEqual(
      [answer.status, answer.headers.get("content-type"), await answer.text()],
      [200, "text/x-named", "signed"],
    );
    const changed = await fetch(read.replace("X-Amz-Expires=60", "X-Amz-Expires=61"));
    assert.equal(changed.status, 403);
    assert.match(await changed.text(), /<Code>SignatureDoesNotMatch<\/Code>/);
    assert.equal(
      (await fetch(await url(new DeleteObjectCommand(at("a signed/key é"))), { method: "DELETE" })).status,
      204,
    );
    await assert.rejects(get("a signed/key é"), NoSuchKey);
  },

  async "waits for objects and buckets"() {
    const waiter = { client: s3, maxWaitTime: 30 };
    await put("awaited", "x");
    assert.equal((await waitUntilObjectExists(waiter, at("awaited"))).state, "SUCCESS");
    await s3.send(new DeleteObjectCommand(at("awaited")));
    assert.equal((await waitUntilObjectNotExists(waiter, at("awaited"))).state, "SUCCESS");
    const other = { Bucket: `${bucket}-other` };
    await s3.send(new CreateBucketCommand(other));
    await s3.send(new DeleteBucketCommand(other));
    assert.equal((await waitUntilBucketNotExists(waiter, other)).state, "SUCCESS");
  },

  async "keeps, lists, reads, copies and deletes versions"() {
    const where = { Bucket: bucket };
    assert.equal((await s3.send(new GetBucketVersioningCommand(where))).Status, undefined);
    const VersioningConfiguration = { Status: "Enabled" };
    await s3.send(new PutBucketVersioningCommand({ ...where, VersioningConfiguration }));
    assert.equal((await s3.send(new GetBucketVersioningCommand(where))).Status, "Enabled");
    const ids = [];
    for (const body of ["one", "two", "three"]) ids.push((await put("version/k", body)).VersionId);
    const other = (await put("version/l", "other")).VersionId;
    const marker = await s3.send(new DeleteObjectCommand(at("version/k")));
    assert.equal(marker.DeleteMarker, true);
    const newest = [...ids].reverse();
    // The SDK has no paginator for them.
    const pages = [];
    for (let next = {}; next;) {
      const page = await s3.send(new ListObjectVersionsCommand({ ...where, Prefix: "version/", MaxKeys: 2, ...next }));
      pages.push(page);
      next = page.IsTruncated && { KeyMarker: page.NextKeyMarker, VersionIdMarker: page.NextVersionIdMarker };
    }
    assert.equal(pages.length, 3);
    const versions = pages.flatMap((page) => page.Versions ?? []);
    assert.deepEqual(
      versions.map((entry) => [entry.Key, entry.VersionId, entry.IsLatest]),
      [...newest.map((id) => ["version/k", id, false]), ["version/l", other, true]],
    );
    const markers = pages.flatMap((page) => page.DeleteMarkers ?? []);
    assert.deepEqual(
      markers.map((entry) => [entry.VersionId, entry.IsLatest]),
      [[marker.VersionId, true]],
    );

    await assert.rejects(get("version/k"), NoSuchKey);
    const first = await get("version/k", { VersionId: ids[0] });
    assert.deepEqual([first.VersionId, await first.Body.transformToString()], [ids[0], "one"]);
    const head = await s3.send(new HeadObjectCommand(at("version/k", { VersionId: ids[2] })));
    assert.deepEqual([head.VersionId, head.ContentLength], [ids[2], 5]);
    await assert.rejects(
      get("version/k", { VersionId: marker.VersionId }),
      (error) => error.$metadata.httpStatusCode === 405,
    );
    const CopySource = `${bucket}/version/k?versionId=${ids[1]}`;
    const copied = await s3.send(new CopyObjectCommand(at("version/k", { CopySource })));
    assert.equal(copied.CopySourceVersionId, ids[1]);
    assert.equal(await text("version/k"), "two");
    const url = await getSignedUrl(s3, new GetObjectCommand(at("version/k", { VersionId: ids[0] })), { expiresIn: 60 });
    assert.equal(await (await fetch(url)).text(), "one");

    await s3.send(new DeleteObjectCommand(at("version/k", { VersionId: copied.VersionId })));
    await assert.rejects(get("version/k"), NoSuchKey);
    await s3.send(new DeleteObjectCommand(at("version/k", { VersionId: marker.VersionId })));
    assert.equal(await text("version/k"), "three");
    const Objects = [
      ...ids.map((VersionId) => ({ Key: "version/k", VersionId })),
      { Key: "version/l", VersionId: other },
    ];
    const deleted = await s3.send(new DeleteObjectsCommand({ ...where, Delete: { Objects } }));
    assert.deepEqual(deleted.Deleted.map((entry) => entry.VersionId).sort(), [...ids, other].sort());
    const left = await s3.send(new ListObjectVersionsCommand({ ...where, Prefix: "version/" }));
    assert.deepEqual([left.Versions, left.DeleteMarkers], [undefined, undefined]);
  },
};

for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
  } catch (error) {
    error.message = `${name}: ${error.message}`;
    throw error;
  }
  console.log(name);
}
