//! What the workers do, and how often. A new operation is a line in the list: it makes one request or several, notes
//! in the worker what each makes of its keys, and ends with the first that is not answered.

use bleepstore_tests::http::encoding::{checksum_sha256, content_md5};

use crate::client::Client;
use crate::content::Content;
use crate::versions::{hide_version, put_version, remove_version, restore_version, switch_versioning};
use crate::worker::{BUCKET, LENGTHS, OpenUpload, Outcome, SideBucket, Worker, find};

type Operation = fn(&mut Worker, &mut Client) -> Outcome;

/// The operations and their weights.
pub(crate) const OPERATIONS: [(usize, Operation); 16] = [
    (30, put),
    (6, get),
    (8, copy),
    (6, rename),
    (6, delete),
    (3, delete_many),
    (6, begin_upload),
    (6, complete_upload),
    (3, abort_upload),
    (12, change_side_bucket),
    (1, long_upload),
    (12, put_version),
    (5, hide_version),
    (5, restore_version),
    (8, remove_version),
    (2, switch_versioning),
];

/// The shortest part that may have another after it.
const PART: usize = 5 << 20;

fn place(key: &str) -> String {
    format!("{BUCKET}/{key}")
}

fn put(worker: &mut Worker, client: &mut Client) -> Outcome {
    let (key, content) = (worker.any_key(), worker.body());
    let bytes = content.bytes();
    let request = client
        .request("PUT", &place(&key))
        .header("x-amz-checksum-sha256", checksum_sha256(&bytes))
        .body(bytes);
    worker
        .write(client, request, 200, vec![(key, Some(content))])
        .map(drop)
}

fn get(worker: &mut Worker, client: &mut Client) -> Outcome {
    let key = worker.any_key();
    let response = client.send(client.request("GET", &place(&key)))?;
    match worker.content(&key) {
        None => drop(response.into_error(404, "NoSuchKey")),
        Some(content) => assert!(
            response.assert_status(200).body == content.bytes(),
            "{key} is not what was acknowledged"
        ),
    }
    Ok(())
}

fn copy(worker: &mut Worker, client: &mut Client) -> Outcome {
    let (from, to) = (worker.any_key(), worker.any_key());
    let request = client
        .request("PUT", &place(&to))
        .header("x-amz-copy-source", place(&from));
    match worker.content(&from) {
        // A copy onto itself changes nothing, and S3 refuses it.
        _ if from == to => Ok(()),
        None => client.expect(request, 404).map(drop),
        content => worker.write(client, request, 200, vec![(to, content)]).map(drop),
    }
}

fn rename(worker: &mut Worker, client: &mut Client) -> Outcome {
    let (from, to) = (worker.any_key(), worker.any_key());
    let request = client
        .request("PUT", &place(&to))
        .flag("renameObject")
        .header("x-amz-rename-source", from.clone());
    match worker.content(&from) {
        None => client.expect(request, 404).map(drop),
        Some(_) if from == to => client.expect(request, 200).map(drop),
        content => {
            let after = vec![(from, None), (to, content)];
            worker.write(client, request, 200, after).map(drop)
        }
    }
}

fn delete(worker: &mut Worker, client: &mut Client) -> Outcome {
    let key = worker.any_key();
    let request = client.request("DELETE", &place(&key));
    worker.write(client, request, 204, vec![(key, None)]).map(drop)
}

fn delete_many(worker: &mut Worker, client: &mut Client) -> Outcome {
    let mut keys = vec![worker.any_key(), worker.any_key()];
    keys.dedup();
    let objects: String = keys
        .iter()
        .map(|key| format!("<Object><Key>{key}</Key></Object>"))
        .collect();
    let body = format!("<Delete>{objects}</Delete>");
    let request = client
        .request("POST", BUCKET)
        .flag("delete")
        .header("content-md5", content_md5(body.as_bytes()))
        .body(body);
    let gone: Vec<_> = keys.into_iter().map(|key| (key, None)).collect();
    let count = gone.len();
    let response = worker.write(client, request, 200, gone)?;
    assert_eq!(
        response.all("DeleteResult/Deleted/Key").len(),
        count,
        "{}",
        response.text()
    );
    Ok(())
}

fn begin_upload(worker: &mut Worker, client: &mut Client) -> Outcome {
    let length = worker.pick(&LENGTHS);
    upload(worker, client, &[length])
}

/// With a part that is not the last one.
fn long_upload(worker: &mut Worker, client: &mut Client) -> Outcome {
    upload(worker, client, &[PART, 1_000])
}

fn upload(worker: &mut Worker, client: &mut Client, lengths: &[usize]) -> Outcome {
    let (key, content) = (
        worker.any_key(),
        Content::multipart(worker.entropy.next_u64(), lengths),
    );
    let begin = client.request("POST", &place(&key)).flag("uploads");
    let id = client
        .expect(begin, 200)?
        .value("InitiateMultipartUploadResult/UploadId");
    let mut etags = Vec::new();
    for (number, bytes) in (1..).zip(content.parts()) {
        let part = client
            .request("PUT", &place(&key))
            .query("partNumber", number)
            .query("uploadId", &id)
            .payload_hash("UNSIGNED-PAYLOAD")
            .body(bytes);
        etags.push(client.expect(part, 200)?.etag());
    }
    worker.uploads.push(OpenUpload {
        key,
        id,
        content,
        etags,
        completing: false,
    });
    Ok(())
}

/// An upload of this round or of an earlier one.
fn any_upload(worker: &mut Worker) -> Option<OpenUpload> {
    let count = worker.uploads.len();
    (count > 0).then(|| worker.uploads.swap_remove(worker.entropy.below(count)))
}

fn complete_upload(worker: &mut Worker, client: &mut Client) -> Outcome {
    let Some(upload) = any_upload(worker) else {
        return Ok(());
    };
    let after = vec![(upload.key.clone(), Some(upload.content.clone()))];
    let answer = worker.write(client, upload.complete(client), 200, after);
    if answer.is_err() {
        worker.uploads.push(OpenUpload {
            completing: true,
            ..upload
        });
    }
    answer.map(drop)
}

fn abort_upload(worker: &mut Worker, client: &mut Client) -> Outcome {
    let Some(upload) = any_upload(worker) else {
        return Ok(());
    };
    let abort = client
        .request("DELETE", &place(&upload.key))
        .query("uploadId", &upload.id);
    client.expect(abort, 204)?;
    worker.aborted.push((upload.key, upload.id));
    Ok(())
}

/// Creates the worker's own bucket, puts an object into it, deletes the object, deletes the bucket: whatever comes next,
/// or a deletion too early.
fn change_side_bucket(worker: &mut Worker, client: &mut Client) -> Outcome {
    let name = worker.side_name();
    let object = format!("{name}/key");
    let early = worker.entropy.below(2) == 0;
    let [side] = &worker.side[..] else {
        panic!("{name} is uncertain");
    };
    let (request, status, after) = match side {
        SideBucket::Absent => (client.request("PUT", &name), 200, SideBucket::Present(None)),
        SideBucket::Present(None) if early => (client.request("DELETE", &name), 204, SideBucket::Absent),
        SideBucket::Present(None) => {
            let content = worker.body();
            let bytes = content.bytes();
            let put = client
                .request("PUT", &object)
                .header("x-amz-checksum-sha256", checksum_sha256(&bytes))
                .body(bytes);
            (put, 200, SideBucket::Present(Some(content)))
        }
        full if early => (client.request("DELETE", &name), 409, full.clone()),
        SideBucket::Present(Some(content)) => {
            find(client, &object, &[Some(content.clone())])?;
            (client.request("DELETE", &object), 204, SideBucket::Present(None))
        }
    };
    let answer = client.expect(request, status);
    if answer.is_ok() {
        worker.side.clear();
    }
    worker.side.push(after);
    answer.map(drop)
}
