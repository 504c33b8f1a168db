//! How much memory the server takes for large objects: nothing of them stays in it.

use std::thread;

use bleepstore_tests::http::S3;
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
