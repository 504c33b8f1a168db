//! A store that moves from one deployment to the next, on emulators.

use std::path::Path;

use bleepstore_tests::emulators::{AzureCloud, GoogleCloud, MiniStack, ServerProgram};
use bleepstore_tests::http::encoding::pattern;
use bleepstore_tests::http::{Endpoint, Request, S3, UploadedPart};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::PART;
use super::program::{Ran, Variables, run, serve};

/// What was written before the store moved for the first time.
struct Written {
    upload: String,
    part: UploadedPart,
    etag: String,
    zoe: [String; 2],
}

fn admin<N: AsRef<str>>(variables: &[(N, String)], arguments: &[&str]) -> Ran {
    run("bleepstore-admin", variables, arguments)
}

/// An empty body, a small one, a large one, a copy, an object of two parts, an upload that is not finished, and a bucket of
/// somebody else's.
fn write(endpoint: &Endpoint, variables: &Variables) -> Written {
    let s3 = S3 {
        endpoint: endpoint.clone(),
    };
    let bucket = s3.bucket_named("photos".to_owned());
    bucket.request("PUT").expect(200);
    bucket.put("nothing", "").expect(200);
    bucket
        .put("small/é", "small")
        .header("x-amz-meta-name", "value")
        .expect(200);
    bucket.put("large", pattern(1, 300_000)).expect(200);
    bucket.copy("large", "copy").expect(200);
    let whole = bucket.begin_upload("parts");
    let parts = [
        bucket.upload_part("parts", &whole, 1, &pattern(2, PART)),
        bucket.upload_part("parts", &whole, 2, &pattern(3, 10)),
    ];
    bucket.complete("parts", &whole, &parts).expect(200);
    let etag = bucket.head("parts").expect(200).etag();
    let upload = bucket.begin_upload("unfinished");
    let part = bucket.upload_part("unfinished", &upload, 3, &pattern(4, 1_000));
    let arguments = [
        "credentials",
        "create",
        "--store",
        "aws",
        "--display-name",
        "Zoë",
        "--json",
    ];
    let key = admin(variables, &arguments).json();
    let zoe = ["access_key", "secret_key"].map(|name| key[name].as_str().unwrap().to_owned());
    let by_zoe = |method, path| Request::new(endpoint, method, path).keys(&zoe[0], &zoe[1]);
    by_zoe("PUT", "/zoes-bucket").expect(200);
    by_zoe("PUT", "/zoes-bucket/key").body("hers").expect(200);
    Written {
        upload,
        part,
        etag,
        zoe,
    }
}

fn reads_back_whole(endpoint: &Endpoint, written: &Written) {
    let s3 = S3 {
        endpoint: endpoint.clone(),
    };
    let bucket = s3.bucket_named("photos".to_owned());
    assert_eq!(bucket.read("nothing"), b"");
    let small = bucket.get("small/é").expect(200);
    assert_eq!(
        (small.body.as_slice(), small.header("x-amz-meta-name")),
        (&b"small"[..], Some("value"))
    );
    assert!(bucket.read("large") == pattern(1, 300_000) && bucket.read("copy") == pattern(1, 300_000));
    let parts = bucket.get("parts").expect(200);
    assert_eq!(parts.etag(), written.etag);
    assert!(parts.body == [pattern(2, PART), pattern(3, 10)].concat());
    let second = bucket.get("parts").query("partNumber", 2).expect(206);
    assert_eq!(second.body, pattern(3, 10));
    let [access_key, secret_key] = &written.zoe;
    let hers = Request::new(endpoint, "GET", "/zoes-bucket/key").keys(access_key, secret_key);
    assert_eq!(hers.expect(200).body, b"hers");
    Request::new(endpoint, "GET", "/zoes-bucket/key").expect_error(403, "AccessDenied");
    let listed = bucket.list_parts("unfinished", &written.upload).expect(200);
    assert!(
        String::from_utf8(listed.body)
            .unwrap()
            .contains("<PartNumber>3</PartNumber>")
    );
}

/// Two environments in one, as `migrate` reads them.
fn both(from: &Variables, to: &Variables) -> Vec<(String, String)> {
    let named = |prefix: &'static str, variables: &Variables| -> Vec<(String, String)> {
        let own = variables
            .iter()
            .filter(|(name, _)| name.starts_with("BLEEPSTORE_"));
        own.map(|(name, value)| (format!("{prefix}{name}"), value.clone()))
            .collect()
    };
    let shared = from
        .iter()
        .chain(to)
        .filter(|(name, _)| !name.starts_with("BLEEPSTORE_"));
    let mut all: Vec<(String, String)> = shared
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect();
    all.extend(named("FROM_", from));
    all.extend(named("TO_", to));
    all
}

fn provisioned_aws() -> MiniStack {
    let aws = MiniStack::start().unwrap();
    Runtime::new().unwrap().block_on(aws.provision()).unwrap();
    aws
}

fn is_whole(variables: &Variables, store: &str) {
    let check = admin(
        variables,
        &["fsck", "--store", store, "--verify-checksums", "--json"],
    );
    assert_eq!(check.json()["findings"], json!([]));
}

/// What was written on AWS by the binary that is deployed there, and its export.
fn written_and_exported(aws: &Variables, export: &str) -> Written {
    let (server, endpoint) = serve("bootstrap", aws.clone());
    let written = write(&endpoint, aws);
    reads_back_whole(&endpoint, &written);
    assert!(server.stop().unwrap());
    is_whole(aws, "aws");
    let exported = admin(aws, &["export", "--store", "aws", "--secrets", export]);
    assert_eq!(exported.code, 0, "{}", exported.error);
    written
}

/// A deployment that a store moves to.
struct Place {
    /// As `--store` names it.
    store: &'static str,
    /// The binary that is deployed there.
    binary: &'static str,
    variables: Variables,
}

/// Copies the bytes from AWS and imports the export; the binary that is deployed there, over both.
fn brought_to(place: &Place, aws: &Variables, export: &str) -> (ServerProgram, Endpoint) {
    let Place {
        store,
        binary,
        variables,
    } = place;
    let bytes = ["migrate", "--from", "aws", "--to", store, "--bytes-only"];
    let copied = admin(&both(aws, variables), &bytes);
    assert_eq!(copied.code, 0, "{}", copied.error);
    let imported = admin(variables, &["import", "--store", store, export]);
    assert_eq!(
        imported.out,
        "imported 2 buckets, 6 objects, 1 open uploads with 1 parts, 1 credentials; the epoch is 2\n",
        "{}",
        imported.error
    );
    is_whole(variables, store);
    // The old store knows that the bytes are not its own to free only where they are the same bytes; here both own theirs.
    assert_eq!(
        admin(aws, &["stats", "--store", "aws", "--json"]).json()["epoch"],
        1
    );
    serve(binary, variables.clone())
}

/// From AWS to Google Cloud by copying bytes and importing an export, and from there to a folder in one go.
#[test]
fn a_bucket_written_on_aws_reads_back_whole_on_google_cloud_and_on_this_machine() {
    let (aws, google) = (provisioned_aws(), GoogleCloud::start().unwrap());
    Runtime::new().unwrap().block_on(google.provision()).unwrap();
    let on_aws = aws.variables();
    let gcp = Place {
        store: "gcp",
        binary: "bleepstore-gcp",
        variables: google.variables(),
    };
    let folder = tempfile::tempdir().unwrap();
    let export = folder.path().join("export.jsonl");
    let export = export.to_str().unwrap();
    let written = written_and_exported(&on_aws, export);
    let (server, endpoint) = brought_to(&gcp, &on_aws, export);
    reads_back_whole(&endpoint, &written);
    assert!(server.stop().unwrap());

    let data = folder.path().join("data");
    let local = format!("local:{}", data.display());
    let moved = admin(&gcp.variables, &["migrate", "--from", "gcp", "--to", &local]);
    assert_eq!(moved.code, 0, "{}", moved.error);
    on_this_machine(&data, &written);
}

/// From AWS to Azure in the same way: exported, imported into Cosmos DB, its bytes copied.
#[test]
fn a_bucket_written_on_aws_reads_back_whole_on_azure() {
    let (aws, cloud) = (provisioned_aws(), AzureCloud::start().unwrap());
    Runtime::new().unwrap().block_on(cloud.provision()).unwrap();
    let on_aws = aws.variables();
    let azure = Place {
        store: "azure",
        binary: "bleepstore-azure",
        variables: cloud.variables().unwrap(),
    };
    let folder = tempfile::tempdir().unwrap();
    let export = folder.path().join("export.jsonl");
    let export = export.to_str().unwrap();
    let written = written_and_exported(&on_aws, export);
    let (server, endpoint) = brought_to(&azure, &on_aws, export);
    reads_back_whole(&endpoint, &written);
    assert!(server.stop().unwrap());
}

fn on_this_machine(data: &Path, written: &Written) {
    let variables = vec![("BLEEPSTORE_DATA_DIR", data.to_str().unwrap().to_owned())];
    let stats: Value = run("bleepstore", &variables, &["stats", "--json"]).json();
    assert_eq!((&stats["epoch"], &stats["active"]), (&3.into(), &true.into()));
    let (server, endpoint) = serve("bleepstore", variables);
    reads_back_whole(&endpoint, written);
    let s3 = S3 {
        endpoint: endpoint.clone(),
    };
    let bucket = s3.bucket_named("photos".to_owned());
    let parts = [written.part.clone()];
    bucket.complete("unfinished", &written.upload, &parts).expect(200);
    assert_eq!(bucket.read("unfinished"), pattern(4, 1_000));
    assert!(server.stop().unwrap());
}
