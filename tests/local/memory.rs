//! How much memory the server takes: for large objects, of which nothing stays in it, for documents that do not end, and
//! for layouts of very many pieces, after which it gives it back.

use std::thread;

use bleepstore_tests::http::encoding::content_md5;
use bleepstore_tests::http::{Bucket, Connection, S3, UploadedPart};
use bleepstore_tests::local_server::LocalServer;
use tempfile::TempDir;

const CLIENTS: usize = 8;

/// What each client puts and gets back: 128 MiB. `cargo xtask bench --only memory` does the same with 1 GiB.
const LENGTH: usize = 128 << 20;

/// How much a client writes at once.
const PIECE: usize = 1 << 20;

/// The most that the server may take beside what it takes when it is idle.
const MOST: u64 = 64 << 20;

/// Puts an object in pieces and gets it back, holding none of it whole.
fn put_and_get(s3: &S3, path: &str) {
    let put = s3
        .request("PUT", path)
        .header("content-length", LENGTH)
        .payload_hash("UNSIGNED-PAYLOAD")
        .sign();
    let mut connection = s3.connect();
    connection.write_head(&put);
    let piece = vec![b'm'; PIECE];
    (0..LENGTH / PIECE).for_each(|_| connection.write(&piece));
    connection.read_response("PUT").assert_status(200);

    connection.write_head(&s3.request("GET", path).sign());
    let mut length = 0;
    let response = connection.read_pieces(|bytes| {
        assert!(bytes == &piece[..bytes.len()], "other bytes than were put");
        length += bytes.len();
    });
    response.assert_status(200);
    assert_eq!(length, LENGTH);
}

#[test]
fn eight_clients_with_128_mib_each_take_less_than_64_mib_above_idle() {
    let folder = TempDir::new().unwrap();
    let server = LocalServer::start(folder.path(), &[]).unwrap();
    let s3 = server.s3();
    let bucket = s3.bucket();
    let idle = server.peak_memory().unwrap();
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (s3, path) = (&s3, format!("/{}/{number}", bucket.name));
            scope.spawn(move || put_and_get(s3, &path));
        }
    });
    let above_idle = server.peak_memory().unwrap() - idle;
    assert!(
        above_idle <= MOST,
        "{} MiB above the {} MiB of an idle server",
        above_idle >> 20,
        idle >> 20
    );
    assert!(server.stop().unwrap().0);
}

/// How many clients stand still within a document, and how much of it they have sent: all but a byte of the largest.
const STALLED: usize = 60;
const SENT: usize = (8 << 20) - 1;

/// The most that the server may take for them: its budget of 64 MiB, of which a document counts twice, and what the
/// connections hold.
const MOST_STALLED: u64 = 96 << 20;

/// A connection whose client has sent all of a document but its last byte, as far as the server took it.
fn stall(s3: &S3, path: &str) -> Connection {
    let document = s3
        .request("POST", path)
        .flag("delete")
        .header("x-amz-checksum-crc32", "AAAAAA==")
        .header("content-length", SENT + 1)
        .payload_hash("UNSIGNED-PAYLOAD")
        .sign();
    let mut connection = s3.connect();
    connection.write_head(&document);
    let piece = vec![b' '; PIECE];
    let mut left = SENT;
    while left > 0 {
        let length = left.min(PIECE);
        // A server that refuses the document does not read it to its end.
        if connection.try_write(&piece[..length]).is_err() {
            break;
        }
        left -= length;
    }
    connection
}

#[test]
fn sixty_documents_that_do_not_end_take_less_than_96_mib_and_keep_nobody_out() {
    let folder = TempDir::new().unwrap();
    let server = LocalServer::start(folder.path(), &[]).unwrap();
    let s3 = server.s3();
    let bucket = s3.bucket();
    bucket.put("key", "x").expect(200);
    let idle = server.peak_memory().unwrap();
    let path = format!("/{}", bucket.name);
    let stalled: Vec<Connection> = thread::scope(|scope| {
        let clients: Vec<_> = (0..STALLED).map(|_| scope.spawn(|| stall(&s3, &path))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let document = "<Delete><Object><Key>key</Key></Object></Delete>";
    let document = format!("{document}{}", " ".repeat(1 << 20));
    bucket
        .request("POST")
        .flag("delete")
        .header("content-md5", content_md5(document.as_bytes()))
        .body(document)
        .expect(200);
    let above_idle = server.peak_memory().unwrap() - idle;
    assert!(
        above_idle <= MOST_STALLED,
        "{} MiB above the {} MiB of an idle server",
        above_idle >> 20,
        idle >> 20
    );
    drop(stalled);
    assert!(server.stop().unwrap().0);
}

/// How many parts of how many pieces each an upload has: their layouts are all in the memory of a log of JSON lines until
/// it is completed, some 20 MiB.
const PARTS: u32 = 300;
const PIECES: [u32; 2] = [32, 31];

/// The smallest piece that a copy does not move.
const SMALLEST: usize = 5 << 20;

/// The most that the server may keep of it.
const MOST_KEPT: u64 = 24 << 20;

/// Makes an object of so many copies of another.
fn multiply(bucket: &Bucket, from: &str, to: &str, times: u32) {
    let upload = bucket.begin_upload(to);
    let parts: Vec<UploadedPart> = (1..=times)
        .map(|number| {
            let copied = bucket
                .part(to, &upload, number, "")
                .header("x-amz-copy-source", format!("/{}/{from}", bucket.name))
                .expect(200);
            let etag = copied.value("CopyPartResult/ETag");
            UploadedPart { number, etag }
        })
        .collect();
    bucket.complete(to, &upload, &parts).expect(200);
}

/// How often it is tried: one small block that stays at the end of the heap keeps all that is before it, and where it
/// lies is chance. A server that gives nothing back keeps it each time.
const TRIES: usize = 4;

#[test]
fn what_layouts_of_very_many_pieces_took_is_given_back() {
    let kept = || {
        let folder = TempDir::new().unwrap();
        let server = LocalServer::start(folder.path(), &[("BLEEPSTORE_METADATA", "jsonl")]).unwrap();
        let bucket = server.s3().bucket();
        bucket.put("piece", vec![b'p'; SMALLEST]).expect(200);
        multiply(&bucket, "piece", "many", PIECES[0]);
        multiply(&bucket, "many", "more", PIECES[1]);
        let before = server.memory().unwrap();
        multiply(&bucket, "more", "most", PARTS);
        let kept = server.memory().unwrap().saturating_sub(before);
        assert!(server.stop().unwrap().0);
        kept
    };
    let mut tries = vec![kept()];
    while tries.len() < TRIES && tries.iter().all(|kept| *kept > MOST_KEPT) {
        tries.push(kept());
    }
    let last = tries.last().copied().unwrap_or_default();
    let mebibytes: Vec<u64> = tries.iter().map(|kept| kept >> 20).collect();
    assert!(last <= MOST_KEPT, "{mebibytes:?} MiB of them are kept");
}
