//! A client that writes and deletes, and remembers what it was told.

use std::net::SocketAddr;

use bleepstore_tests::entropy::SeededEntropy;
use bleepstore_tests::http::{Connection, Front, S3};

use super::BUCKET;

/// How many keys a writer has.
const KEYS: usize = 3;

/// A change that was asked for.
pub(crate) struct Asked {
    pub(crate) key: String,
    /// The length of what was written, which no other write has; `None` for a deletion.
    pub(crate) length: Option<usize>,
    /// Whether it was acknowledged.
    pub(crate) done: bool,
}

pub(crate) struct Writer {
    number: usize,
    entropy: SeededEntropy,
    written: usize,
    /// Oldest first.
    pub(crate) asked: Vec<Asked>,
}

impl Writer {
    pub(crate) fn new(number: usize, seed: u64) -> Self {
        Self {
            number,
            entropy: SeededEntropy::new(seed),
            written: 0,
            asked: Vec::new(),
        }
    }

    /// Works until the server is killed, or that much is acknowledged.
    pub(crate) fn work(&mut self, s3: &S3, address: SocketAddr, enough: usize) {
        let Ok(mut connection) = Connection::try_open(address, Front::Nothing) else {
            return;
        };
        for _ in 0..enough {
            let key = format!("w {}/k {}", self.number, self.entropy.below(KEYS));
            let length = match self.entropy.below(4) {
                0 => None,
                _ => {
                    self.written += 1;
                    Some(1 + self.written * super::WRITERS + self.number)
                }
            };
            let path = format!("/{BUCKET}/{}", key.replace(' ', "%20"));
            let request = match length {
                Some(length) => s3.request("PUT", &path).body(vec![b'x'; length]),
                None => s3.request("DELETE", &path),
            };
            let answer = connection.try_send(&request.sign());
            let done = match &answer {
                Ok(response) if response.status < 300 => true,
                Ok(response) if response.status == 503 => false,
                Ok(response) => panic!("{}", response.status),
                Err(_) => false,
            };
            self.asked.push(Asked { key, length, done });
            if !done {
                return;
            }
        }
    }

    /// Writes each key once more, so that the last event of each is known.
    pub(crate) fn finish(&mut self, s3: &S3) {
        for number in 0..KEYS {
            let key = format!("w {}/k {number}", self.number);
            self.written += 1;
            let length = 1 + self.written * super::WRITERS + self.number;
            let path = format!("/{BUCKET}/{}", key.replace(' ', "%20"));
            s3.request("PUT", &path).body(vec![b'x'; length]).expect(200);
            self.asked.push(Asked {
                key,
                length: Some(length),
                done: true,
            });
        }
    }
}
