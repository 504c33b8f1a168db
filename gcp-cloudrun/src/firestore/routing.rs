//! How Firestore's front end finds the database of a call.
//!
//! The client of the `firestore` crate sends `google-cloud-resource-prefix`. Google's own clients send
//! `x-goog-request-params` beside it (`reqParamsHeaderVal` in
//! <https://github.com/googleapis/google-cloud-go/blob/main/firestore/client.go>), which is what the service goes by where
//! a database has a name of its own (<https://github.com/googleapis/nodejs-firestore/issues/1863>).

use std::time::Duration;

use firestore::gcloud_sdk::RequestTimeouts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};

const PARAMETERS: &str = "x-goog-request-params";

/// All but what is unreserved in a URL.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The parameters that name a database, from its path: `projects/{project}/databases/{database}`.
pub(super) fn parameters(path: &str) -> Option<MetadataValue<Ascii>> {
    let (project, database) = path.strip_prefix("projects/")?.split_once("/databases/")?;
    let [project, database] = [project, database].map(|name| utf8_percent_encode(name, ENCODED));
    format!("project_id={project}&database_id={database}")
        .parse()
        .ok()
}

/// A call of the database with these parameters, which ends in time.
pub(super) fn request<T>(
    message: T,
    parameters: Option<&MetadataValue<Ascii>>,
    limit: Duration,
) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(parameters) = parameters {
        request.metadata_mut().insert(PARAMETERS, parameters.clone());
    }
    request
        .extensions_mut()
        .insert(RequestTimeouts::new().with_total(limit));
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(path: &str) -> Option<String> {
        let request = request((), parameters(path).as_ref(), Duration::from_secs(1));
        let value = request.metadata().get("x-goog-request-params")?;
        Some(value.to_str().unwrap().to_owned())
    }

    #[test]
    fn every_call_says_its_project_and_its_database() {
        let cases = [
            (
                "projects/my-project/databases/bleepstore",
                "project_id=my-project&database_id=bleepstore",
            ),
            (
                "projects/my-project/databases/(default)",
                "project_id=my-project&database_id=%28default%29",
            ),
            (
                "projects/example.com:old/databases/store",
                "project_id=example.com%3Aold&database_id=store",
            ),
        ];
        for (path, header) in cases {
            assert_eq!(sent(path).as_deref(), Some(header));
        }
    }

    #[test]
    fn a_call_keeps_its_limit_of_time() {
        let call = request((), None, Duration::from_secs(1));
        assert!(call.extensions().get::<RequestTimeouts>().is_some());
    }
}
