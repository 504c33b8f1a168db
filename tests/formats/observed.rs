//! What clients see of a store that [`content::write`](crate::content::write) filled, as a document: what was
//! stored, and nothing that another release may add to its answers.

use bleepstore_tests::http::encoding::sha256_hex;
use bleepstore_tests::http::{ALICE, Bucket, Request, Response, S3};
use serde_json::{Map, Value, json};

use crate::content::{ALICES, PHOTOS};

/// The headers that say what is stored.
const HEADERS: [&str; 14] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-range",
    "content-type",
    "etag",
    "expires",
    "last-modified",
    "x-amz-mp-parts-count",
    "x-amz-storage-class",
    "x-amz-server-side-encryption",
    "accept-ranges",
];
const PREFIXES: [&str; 2] = ["x-amz-checksum-", "x-amz-meta-"];

/// All of it.
pub(crate) fn observed(s3: &S3) -> Value {
    let accounts = [("root", s3), ("alice", &s3.acting_for(&ALICE))];
    let buckets = accounts.map(|(name, account)| {
        let listed = account.request("GET", "/").expect(200);
        let columns = ["Owner/ID", "Buckets/Bucket/Name", "Buckets/Bucket/CreationDate"];
        (
            name.to_owned(),
            texts(&listed, "ListAllMyBucketsResult", &columns),
        )
    });
    let photos = s3.bucket_named(PHOTOS.to_owned());
    let alices = s3.bucket_named(ALICES.to_owned());
    json!({
        "accounts": Map::from_iter(buckets),
        PHOTOS: bucket(&photos, &photos.acting_for(&ALICE)),
        ALICES: bucket(&alices.acting_for(&ALICE), &alices),
    })
}

/// A bucket, as its owner and another account see it.
fn bucket(owners: &Bucket, others: &Bucket) -> Value {
    let listed = owners.list().query("fetch-owner", "true").expect(200);
    let columns = [
        "Key",
        "ETag",
        "Size",
        "LastModified",
        "StorageClass",
        "ChecksumAlgorithm",
        "ChecksumType",
        "Owner/ID",
    ]
    .map(|column| format!("Contents/{column}"));
    let folders = owners.list().query("delimiter", "/").expect(200);
    let ownership = owners.request("GET").flag("ownershipControls").send();
    let objects = listed.all("ListBucketResult/Contents/Key");
    let objects = objects.into_iter().map(|key| {
        let seen = object(owners, others, &key);
        (key, seen)
    });
    json!({
        "acl": acl(&owners.request("GET").flag("acl").expect(200)),
        "ownership": match ownership.status {
            200 => ownership.value("OwnershipControls/Rule/ObjectOwnership"),
            status => status.to_string(),
        },
        "listed": texts(&listed, "ListBucketResult", &columns),
        "folders": texts(&folders, "ListBucketResult", &["Contents/Key", "CommonPrefixes/Prefix"]),
        "uploads": uploads(owners),
        "objects": Map::from_iter(objects),
    })
}

fn object(owners: &Bucket, others: &Bucket, key: &str) -> Value {
    let head = |bucket: &Bucket| bucket.head(key).header("x-amz-checksum-mode", "ENABLED");
    let who = [head(owners), head(others), owners.head(key).anonymous()];
    let who = who.map(|request| request.send().status);
    let reader = if who[0] == 200 { owners } else { others };
    let got = reader
        .get(key)
        .header("x-amz-checksum-mode", "ENABLED")
        .expect(200);
    let part = |number: u32| headers(&head(reader).query("partNumber", number).send());
    // Of an object that was not uploaded in parts all of it is the first.
    let parts = match got.header("etag").is_some_and(|etag| etag.contains('-')) {
        true => vec![part(1), part(2), part(4)],
        false => Vec::new(),
    };
    let acls = [owners, others].map(|bucket| bucket.get(key).flag("acl").send());
    let acl = acls.iter().find(|answer| answer.status == 200).map(acl);
    json!({
        "read by owner, other and anonymous": who,
        "headers": headers(&got),
        "length": got.body.len(),
        "sha256": sha256_hex(&got.body),
        "parts": parts,
        "acl": acl,
    })
}

fn uploads(bucket: &Bucket) -> Value {
    let listed = bucket.request("GET").flag("uploads").expect(200);
    let columns = [
        "Key",
        "UploadId",
        "Initiated",
        "StorageClass",
        "Owner/ID",
        "Initiator/ID",
    ];
    let columns = columns.map(|column| format!("Upload/{column}"));
    let named = |name| listed.all(&format!("ListMultipartUploadsResult/Upload/{name}"));
    let parts = named("Key")
        .into_iter()
        .zip(named("UploadId"))
        .map(|(key, upload)| {
            let parts = bucket.list_parts(&key, &upload).expect(200);
            let columns =
                ["PartNumber", "ETag", "Size", "LastModified"].map(|column| format!("Part/{column}"));
            (upload, texts(&parts, "ListPartsResult", &columns))
        });
    json!({
        "listed": texts(&listed, "ListMultipartUploadsResult", &columns),
        "parts": Map::from_iter(parts),
    })
}

/// The headers that say what is stored, and the status.
fn headers(response: &Response) -> Value {
    let stored =
        |name: &str| HEADERS.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    let mut kept: Map<String, Value> = Map::new();
    kept.insert("status".to_owned(), response.status.into());
    // An error's own length and type are not stored.
    if response.status < 300 {
        let stored = response.headers.iter().filter(|(name, _)| stored(name));
        kept.extend(stored.map(|(name, value)| (name.clone(), value.as_str().into())));
    }
    kept.into()
}

fn acl(response: &Response) -> Value {
    let columns = [
        "Owner/ID",
        "AccessControlList/Grant/Grantee/ID",
        "AccessControlList/Grant/Grantee/URI",
        "AccessControlList/Grant/Permission",
    ];
    texts(response, "AccessControlPolicy", &columns)
}

/// The texts at these paths of a document.
fn texts(response: &Response, root: &str, columns: &[impl AsRef<str>]) -> Value {
    let columns = columns.iter().map(AsRef::as_ref);
    let columns = columns.map(|column| {
        (
            column.to_owned(),
            response.all(&format!("{root}/{column}")).into(),
        )
    });
    Map::from_iter(columns).into()
}

/// The headers of a request that asks for an object and its checksums.
pub(crate) fn asked(request: Request) -> Value {
    headers(&request.header("x-amz-checksum-mode", "ENABLED").send())
}
