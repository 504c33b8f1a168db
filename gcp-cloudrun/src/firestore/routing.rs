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
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::mpsc::{Sender, channel};

    use bleepstore_http::{OsEntropy, SystemClock};
    use bytes::Bytes;
    use http::Response;
    use http_body_util::Empty;
    use hyper::server::conn::http2;
    use hyper::service::service_fn;
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use tokio::net::TcpListener;

    use super::*;
    use crate::firestore::calls::Documents;
    use crate::firestore::query::Query;
    use crate::firestore::schema::SUMMARIES;
    use crate::firestore::{Database, connect};
    use crate::tls::use_ring;

    #[test]
    fn a_database_is_named_by_its_project_and_its_name() {
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
        for (path, named) in cases {
            assert_eq!(parameters(path).unwrap(), named);
        }
    }

    /// Answers every call with `NOT_FOUND` and tells its method with its parameters.
    async fn serve(listener: TcpListener, tell: Sender<(String, String)>) {
        while let Ok((stream, _)) = listener.accept().await {
            let tell = tell.clone();
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let named = request
                    .headers()
                    .get(PARAMETERS)
                    .map(|value| value.to_str().unwrap());
                let method = request.uri().path().rsplit('/').next();
                tell.send((method.unwrap().to_owned(), named.unwrap_or_default().to_owned()))
                    .unwrap();
                let answer = Response::builder()
                    .header("content-type", "application/grpc")
                    .header("grpc-status", "5")
                    .body(Empty::<Bytes>::new());
                async { Ok::<_, Infallible>(answer.unwrap()) }
            });
            let connection = http2::Builder::new(TokioExecutor::new());
            tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
        }
    }

    #[tokio::test]
    async fn every_call_names_its_database() {
        use_ring();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (tell, told) = channel();
        let server = tokio::spawn(serve(listener, tell));
        let database = Database {
            project: "my-project",
            name: "store",
            emulator: Some(&address),
        };
        let db = connect(database).await.unwrap();
        let documents = Documents::new(db, Arc::new(SystemClock), Arc::new(OsEntropy));
        let name = Some(format!("{}/documents/bleepstore/a", documents.database()));
        documents
            .try_get(&[name], None, &mut Vec::new())
            .await
            .unwrap_err();
        documents.try_commit(Vec::new(), Vec::new()).await.unwrap_err();
        let query = Query::of(SUMMARIES, None);
        documents
            .try_query(&query, 1, None, &mut Vec::new())
            .await
            .unwrap_err();
        documents.roll_back(vec![1]).await;
        server.abort();
        let told: Vec<_> = told.try_iter().collect();
        let methods = ["BatchGetDocuments", "Commit", "RunQuery", "Rollback"];
        let expected = methods.map(|method| {
            (
                method.to_owned(),
                "project_id=my-project&database_id=store".to_owned(),
            )
        });
        assert_eq!(told, expected);
    }
}
