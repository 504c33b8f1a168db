//! A Firestore that keeps documents, and knows the two calls that a start makes: one reads documents by their names, the
//! other commits writes. <https://cloud.google.com/firestore/docs/reference/rpc/google.firestore.v1>

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use super::grpc;
use super::protobuf::{encoded, field, fields};
use crate::start::loopback;

/// Documents, each as it was written, by name.
type Documents = HashMap<Vec<u8>, Vec<u8>>;

/// Answers until the process ends.
pub(super) fn start() -> io::Result<SocketAddr> {
    let documents: Arc<Mutex<Documents>> = Arc::default();
    loopback::listen(move |connection| {
        grpc::serve(connection, |request| {
            answer(request, &mut loopback::lock(&documents))
        })
    })
}

/// What a request names or writes is in its second field: full names, or changes with a document in the first. Another
/// request, which ends a transaction, is answered with nothing.
fn answer(request: &[u8], documents: &mut Documents) -> Vec<Vec<u8>> {
    let mut answers = Vec::new();
    for (_, entry) in fields(request).filter(|(number, _)| *number == 2) {
        if entry.starts_with(b"projects/") {
            let result = match documents.get(entry) {
                Some(document) => encoded(1, document),
                None => encoded(2, entry),
            };
            let transaction = encoded(3, b"the only one");
            answers.push([result, transaction].concat());
        } else if let Some(document) = field(entry, 1)
            && let Some(name) = field(document, 1)
        {
            documents.insert(name.to_vec(), document.to_vec());
        }
    }
    if answers.is_empty() {
        answers.push(Vec::new());
    }
    answers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_committed_is_read() {
        let mut documents = Documents::new();
        let name = b"projects/p/databases/d/documents/bleepstore/store".as_slice();
        let database = encoded(1, b"projects/p/databases/d");
        let get = [database.clone(), encoded(2, name)].concat();
        let transaction = encoded(3, b"the only one");
        let missing = [encoded(2, name), transaction.clone()].concat();
        assert_eq!(answer(&get, &mut documents), [missing]);
        let document = [encoded(1, name), encoded(2, b"fields")].concat();
        let commit = [database, encoded(2, &encoded(1, &document)), transaction.clone()].concat();
        assert_eq!(answer(&commit, &mut documents), [Vec::<u8>::new()]);
        let found = [encoded(1, &document), transaction].concat();
        assert_eq!(answer(&get, &mut documents), [found]);
    }
}
