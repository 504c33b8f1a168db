//! What a released server is asked to store: one of everything that it can.

use bleepstore_tests::http::encoding::{checksum_crc32, checksum_sha256, percent_path};
use bleepstore_tests::http::{ALICE, Bucket, Request, S3, UploadedPart};
use serde_json::{Value, json};

/// The least part that is not the last.
const PART: usize = 5 << 20;

/// The lengths of bodies that nothing names in the end: of a part that was replaced, of one whose upload was
/// aborted, and of one that its upload's completion left out.
pub(crate) const UNNAMED: [usize; 3] = [20_001, 20_003, 20_005];

/// The length of a body that only a retired manifest names: its object and the copy of that are gone.
pub(crate) const RETIRED: usize = 20_007;

/// The bucket of the store's owner, which others may write to.
pub(crate) const PHOTOS: &str = "photos";

/// The bucket of another account.
pub(crate) const ALICES: &str = "alices";

/// Fills an empty store. `pieces` extents of one part are just too many for a row. Returns what the rules have to
/// know.
pub(crate) fn write(s3: &S3, pieces: usize) -> Value {
    let photos = s3.bucket_named(PHOTOS.to_owned());
    photos.request("PUT").expect(200);
    photos.grant(&s3.own_id(), "write", &format!("id={}", ALICE.id));
    write_objects(&photos);
    write_of_another_account(&photos, s3);
    photos.put("big", vec![b'a'; PART]).expect(200);
    let completed = write_in_parts(&photos);
    write_spread(&photos, pieces);
    let open = begin_unfinished(&photos);
    let aborted = abort(&photos);
    // The parts that were copied from it keep its bytes.
    photos.delete("big").expect(204);
    json!({ "open": open, "completed": completed, "aborted": aborted })
}

/// `length` bytes of text that compress well and that no two lengths share.
pub(crate) fn lines(length: usize) -> Vec<u8> {
    let line = |number| format!("{number:3} of {length}{}\n", " .".repeat(44));
    let text: String = (0..=length / 99).map(line).collect();
    text.into_bytes()[..length].to_vec()
}

fn write_objects(photos: &Bucket) {
    photos.put("empty", "").expect(200);
    photos.put("inline", "a small body").expect(200);
    photos.put("large", lines(20_011)).expect(200);
    photos
        .put("headers", "with headers")
        .header("content-type", "text/plain; charset=utf-8")
        .header("cache-control", "max-age=60")
        .header("content-disposition", "attachment; filename=\"a b.txt\"")
        .header("content-encoding", "identity")
        .header("content-language", "de, en")
        .header("expires", "Thu, 01 Dec 2044 16:00:00 GMT")
        .header("x-amz-meta-color", "red")
        .header("x-amz-meta-empty", "")
        .header("x-amz-storage-class", "STANDARD_IA")
        .expect(200);
    let checked = lines(17_003);
    photos
        .put("checksums/sha256", checked.clone())
        .header("x-amz-checksum-sha256", checksum_sha256(&checked))
        .expect(200);
    photos
        .put("checksums/crc32", checked.clone())
        .header("x-amz-checksum-crc32", checksum_crc32(&checked))
        .expect(200);
    photos
        .put("acls/public", "for everyone")
        .header("x-amz-acl", "public-read")
        .expect(200);
    photos
        .put("acls/granted", "for Alice")
        .header("x-amz-grant-read", format!("id={}", ALICE.id))
        .expect(200);
    for key in [
        "a//b",
        "a/b/",
        "/leading",
        "a b+c%&=",
        "ünï/日本語",
        "😀",
        &long_key(),
    ] {
        photos.put(key, key).expect(200);
    }
    write_copies(photos);
}

/// The longest key there is.
pub(crate) fn long_key() -> String {
    format!("long/{}", "k".repeat(1_019))
}

fn write_copies(photos: &Bucket) {
    photos.copy("large", "copies/large").expect(200);
    photos.copy("headers", "copies/headers").expect(200);
    photos.put("copies/itself", lines(20_013)).expect(200);
    photos
        .copy("copies/itself", "copies/itself")
        .header("x-amz-metadata-directive", "REPLACE")
        .header("x-amz-meta-copied", "onto itself")
        .expect(200);
    photos
        .put("before", lines(20_017))
        .header("x-amz-meta-color", "blue")
        .expect(200);
    photos
        .object("PUT", "renamed")
        .flag("renameObject")
        .header("x-amz-rename-source", percent_path("before"))
        .expect(200);
    photos.put("overwritten", lines(RETIRED)).expect(200);
    photos.copy("overwritten", "gone").expect(200);
    photos.put("overwritten", "while it was shared").expect(200);
    photos.delete("gone").expect(204);
}

fn write_of_another_account(photos: &Bucket, s3: &S3) {
    let alice = s3.acting_for(&ALICE);
    photos.acting_for(&ALICE).put("alice's", "hers").expect(200);
    let alices = alice.bucket_named(ALICES.to_owned());
    alices.request("PUT").expect(200);
    let rule =
        "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>";
    alices
        .request("PUT")
        .flag("ownershipControls")
        .body(rule)
        .expect(200);
    alices.put_acl("public-read").expect(200);
    alices.put("private", lines(20_019)).expect(200);
    let copy = alices.object("PUT", "from the other bucket");
    // Everybody may read it.
    copy.header("x-amz-copy-source", format!("{PHOTOS}/acls/public"))
        .expect(200);
}

/// An upload whose parts were sent, with a checksum of checksums and a part that is not listed, and one whose parts
/// were copied, with a checksum of the whole. Returns the first.
fn write_in_parts(photos: &Bucket) -> Value {
    let (key, bodies) = ("parts/sent", [vec![b'p'; PART], b"the last part".to_vec()]);
    let create = photos
        .create_upload(key)
        .header("x-amz-checksum-algorithm", "SHA256");
    let begun = create.header("x-amz-meta-color", "green").expect(200);
    let upload = begun.value("InitiateMultipartUploadResult/UploadId");
    let mut listed = String::new();
    let mut parts = Vec::new();
    for (number, body) in [1, 3].into_iter().zip(&bodies) {
        let sent = photos.part(key, &upload, number, body.clone()).expect(200);
        let (etag, checksum) = (sent.etag(), checksum_sha256(body));
        listed += &format!(
            "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag>\
             <ChecksumSHA256>{checksum}</ChecksumSHA256></Part>"
        );
        parts.push(json!({ "number": number, "etag": etag }));
    }
    photos.part(key, &upload, 2, lines(UNNAMED[2])).expect(200);
    let completed = photos.complete_of(key, &upload, &listed).expect(200);
    let etag = completed.value("CompleteMultipartUploadResult/ETag");
    write_copied_parts(photos);
    json!({ "key": key, "upload": upload, "parts": parts, "etag": etag })
}

fn write_copied_parts(photos: &Bucket) {
    let key = "parts/copied";
    let create = photos
        .create_upload(key)
        .header("x-amz-checksum-algorithm", "CRC64NVME");
    let begun = create.header("x-amz-checksum-type", "FULL_OBJECT").expect(200);
    let upload = begun.value("InitiateMultipartUploadResult/UploadId");
    let parts = [
        copied_part(photos.part(key, &upload, 1, ""), "big", None),
        copied_part(photos.part(key, &upload, 2, ""), "big", None),
        photos.upload_part(key, &upload, 10_000, b"end"),
    ];
    let parts = number(parts, [1, 2, 10_000]);
    photos.complete(key, &upload, &parts).expect(200);
}

/// The parts with these numbers.
fn number<const N: usize>(parts: [UploadedPart; N], numbers: [u32; N]) -> Vec<UploadedPart> {
    let numbered = numbers.into_iter().zip(parts);
    numbered
        .map(|(number, part)| UploadedPart { number, ..part })
        .collect()
}

/// Sends an UploadPartCopy, of bytes from first to last. The number is the caller's to add.
fn copied_part(part: Request, from: &str, range: Option<(usize, usize)>) -> UploadedPart {
    let mut copy = part.header("x-amz-copy-source", format!("{PHOTOS}/{from}"));
    if let Some((first, last)) = range {
        copy = copy.header("x-amz-copy-source-range", format!("bytes={first}-{last}"));
    }
    let etag = copy.expect(200).value("CopyPartResult/ETag");
    UploadedPart { number: 0, etag }
}

/// An object of `pieces` small extents in one part. A part that is not the last has 5 MiB, so the pieces are
/// gathered after such a part of another object, whose last part is a copy of its own end until there are enough.
fn write_spread(photos: &Bucket, pieces: usize) {
    let first = b"eleven char";
    let mut lengths = vec![first.len()];
    let mut body = first.to_vec();
    let upload = photos.begin_upload("gathered");
    let begun = copied_part(photos.part("gathered", &upload, 1, ""), "big", None);
    let end = photos.upload_part("gathered", &upload, 2, first);
    photos
        .complete("gathered", &upload, &number([begun, end], [1, 2]))
        .expect(200);
    while lengths.len() < pieces {
        let more = lengths.len().min(pieces - lengths.len());
        // All but the first byte of as many pieces as are missing.
        let copied = 1..lengths[..more].iter().sum();
        let upload = photos.begin_upload("gathered");
        let all = copied_part(photos.part("gathered", &upload, 1, ""), "gathered", None);
        let range = (PART + copied.start, PART + copied.end - 1);
        let end = copied_part(photos.part("gathered", &upload, 2, ""), "gathered", Some(range));
        photos
            .complete("gathered", &upload, &number([all, end], [1, 2]))
            .expect(200);
        body.extend_from_within(copied);
        lengths.push(lengths[0] - 1);
        lengths.extend_from_within(1..more);
    }
    let upload = photos.begin_upload("parts/spilled");
    let range = (PART, PART + body.len() - 1);
    let all = copied_part(
        photos.part("parts/spilled", &upload, 1, ""),
        "gathered",
        Some(range),
    );
    photos
        .complete("parts/spilled", &upload, &number([all], [1]))
        .expect(200);
    photos.delete("gathered").expect(204);
    assert!(photos.read("parts/spilled") == body);
}

/// Two parts, one of which was sent twice.
fn begin_unfinished(photos: &Bucket) -> Value {
    let key = "unfinished";
    let create = photos.create_upload(key).header("x-amz-meta-color", "violet");
    let upload = photos.begin_upload_by(create.header("x-amz-acl", "public-read"));
    let upload = upload.value("InitiateMultipartUploadResult/UploadId");
    let first = copied_part(photos.part(key, &upload, 1, ""), "big", None);
    photos.upload_part(key, &upload, 7, &lines(UNNAMED[0]));
    let second = photos.upload_part(key, &upload, 7, &lines(20_021));
    json!({
        "key": key,
        "upload": upload,
        "parts": [{ "number": 1, "etag": first.etag }, { "number": 7, "etag": second.etag }],
    })
}

/// The bytes of the upload that [`write`] left open.
pub(crate) fn unfinished() -> Vec<u8> {
    [vec![b'a'; PART], lines(20_021)].concat()
}

fn abort(photos: &Bucket) -> Value {
    let upload = photos.begin_upload("aborted");
    photos.upload_part("aborted", &upload, 1, &lines(UNNAMED[1]));
    photos.abort("aborted", &upload).expect(204);
    json!({ "key": "aborted", "upload": upload })
}
