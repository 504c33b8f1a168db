//! S3 as far as it is measured: requests whose answers are checked.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::body::Body;
use crate::connection::{Answer, Connection, Reading};
use bleepstore_bench::endpoint::Endpoint;
use bleepstore_bench::signer::{Signer, Unsigned};

/// All but what SigV4 leaves as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// How much of an unexpected answer is shown.
const SHOWN: usize = 300;

/// A connection to an endpoint. A wrong answer is an error.
pub(crate) struct Client {
    connection: Connection,
    signer: Signer,
    head: Vec<u8>,
}

/// A request. Buckets and keys are made of characters that need no encoding.
struct Request<'a> {
    method: &'static str,
    path: &'a str,
    query: &'a str,
    body: &'a Body,
    header: Option<(&'static str, &'a str)>,
    reading: Reading,
}

/// A page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) keys: u64,
    pub(crate) prefixes: u64,
    /// Where the next page begins.
    pub(crate) next: Option<String>,
    /// Bytes of the document.
    pub(crate) length: u64,
}

impl Client {
    pub(crate) fn connect(endpoint: &Endpoint) -> Result<Self, String> {
        let connection = Connection::open(endpoint.address)
            .map_err(|error| format!("{} cannot be reached: {error}", endpoint.address))?;
        Ok(Self {
            connection,
            signer: Signer::new(endpoint.clone()),
            head: Vec::with_capacity(1024),
        })
    }

    /// Sends a request that has no body.
    fn ask(
        &mut self,
        method: &'static str,
        path: &str,
        query: &str,
        reading: Reading,
    ) -> Result<Answer, String> {
        self.send(&Request {
            method,
            path,
            query,
            body: Body::empty(),
            header: None,
            reading,
        })
    }

    fn send(&mut self, request: &Request<'_>) -> Result<Answer, String> {
        let Request {
            method,
            path,
            query,
            body,
            header,
            reading,
        } = *request;
        self.head.clear();
        let unsigned = Unsigned {
            method,
            path,
            query,
            sha256: &body.sha256,
            header,
        };
        self.signer.write_head(unsigned, &mut self.head)?;
        if matches!(method, "PUT" | "POST") {
            let length = format!("content-length: {}\r\n", body.length);
            self.head.extend_from_slice(length.as_bytes());
        }
        self.head.extend_from_slice(b"\r\n");
        self.connection
            .exchange(&self.head, body, reading)
            .map_err(|error| format!("{method} {path}?{query}: {error}"))
    }

    /// Whether the endpoint answers a signed request.
    pub(crate) fn list_buckets(&mut self) -> Result<(), String> {
        expect("ListBuckets", 200, self.ask("GET", "/", "", Reading::Count)?).map(drop)
    }

    /// Creates a bucket, or finds that it is there.
    pub(crate) fn create_bucket(&mut self, bucket: &str) -> Result<(), String> {
        let answer = self.ask("PUT", &format!("/{bucket}"), "", Reading::Keep)?;
        // Some servers answer so about a bucket of one's own; whose it is shows in what is done with it.
        if answer.status == 409 && String::from_utf8_lossy(&answer.body).contains("<Code>BucketAlready") {
            return Ok(());
        }
        expect("CreateBucket", 200, answer).map(drop)
    }

    /// Puts an object at a path `/bucket/key`.
    pub(crate) fn put(&mut self, path: &str, body: &Body) -> Result<(), String> {
        self.upload(path, "", body).map(drop)
    }

    /// Uploads an object or a part; its entity tag.
    fn upload(&mut self, path: &str, query: &str, body: &Body) -> Result<String, String> {
        let answer = self.send(&Request {
            method: "PUT",
            path,
            query,
            body,
            header: None,
            reading: Reading::Count,
        })?;
        expect("PUT", 200, answer)?
            .etag
            .ok_or_else(|| format!("PUT {path} is answered without an entity tag"))
    }

    /// Reads an object whose length is known, and drops its bytes.
    pub(crate) fn get(&mut self, path: &str, length: u64) -> Result<(), String> {
        let answer = self.ask("GET", path, "", Reading::Count)?;
        check_length(path, &expect("GET", 200, answer)?, length)
    }

    /// Reads an object and compares its bytes.
    pub(crate) fn get_and_compare(&mut self, path: &str, body: &Body) -> Result<(), String> {
        let answer = self.ask("GET", path, "", Reading::Keep)?;
        let answer = expect("GET", 200, answer)?;
        check_length(path, &answer, body.length)?;
        let mut rest = answer.body.as_slice();
        for piece in body.pieces() {
            rest = rest
                .strip_prefix(piece)
                .ok_or_else(|| format!("GET {path} has other bytes than those that were put"))?;
        }
        Ok(())
    }

    pub(crate) fn head(&mut self, path: &str, length: u64) -> Result<(), String> {
        let answer = self.ask("HEAD", path, "", Reading::Head)?;
        check_length(path, &expect("HEAD", 200, answer)?, length)
    }

    pub(crate) fn delete(&mut self, path: &str) -> Result<(), String> {
        expect("DELETE", 204, self.ask("DELETE", path, "", Reading::Count)?).map(drop)
    }

    /// A page of ListObjectsV2 of at most 1,000 keys and prefixes.
    pub(crate) fn list(
        &mut self,
        bucket: &str,
        delimiter: &str,
        after: Option<&str>,
    ) -> Result<Page, String> {
        let query = list_query(delimiter, after);
        let answer = self.ask("GET", &format!("/{bucket}"), &query, Reading::Keep)?;
        page(&expect("ListObjectsV2", 200, answer)?)
    }

    /// Asks for the same first page again, of which only the length is looked at.
    pub(crate) fn list_again(&mut self, bucket: &str, delimiter: &str, length: u64) -> Result<(), String> {
        let query = list_query(delimiter, None);
        let answer = self.ask("GET", &format!("/{bucket}"), &query, Reading::Count)?;
        check_length(bucket, &expect("ListObjectsV2", 200, answer)?, length)
    }

    /// Has a bucket keep versions.
    pub(crate) fn keep_versions(&mut self, bucket: &str) -> Result<(), String> {
        let document = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
        let answer = self.send(&Request {
            method: "PUT",
            path: &format!("/{bucket}"),
            query: "versioning=",
            body: &Body::of(document.into()),
            header: None,
            reading: Reading::Keep,
        })?;
        expect("PutBucketVersioning", 200, answer).map(drop)
    }

    /// The first page of ListObjectVersions, of which an entry counts as a key.
    pub(crate) fn list_versions(&mut self, bucket: &str) -> Result<Page, String> {
        let answer = self.ask("GET", &format!("/{bucket}"), "versions=", Reading::Keep)?;
        page(&expect("ListObjectVersions", 200, answer)?)
    }

    /// Asks for it again, of which only the length is looked at.
    pub(crate) fn list_versions_again(&mut self, bucket: &str, length: u64) -> Result<(), String> {
        let answer = self.ask("GET", &format!("/{bucket}"), "versions=", Reading::Count)?;
        check_length(bucket, &expect("ListObjectVersions", 200, answer)?, length)
    }

    /// Begins a multipart upload; its id.
    pub(crate) fn begin_upload(&mut self, path: &str) -> Result<String, String> {
        let answer = self.ask("POST", path, "uploads=", Reading::Keep)?;
        let answer = expect("CreateMultipartUpload", 200, answer)?;
        let text = String::from_utf8_lossy(&answer.body);
        element(&text, "UploadId")
            .map(str::to_owned)
            .ok_or_else(|| format!("CreateMultipartUpload is answered without an id: {text}"))
    }

    /// Uploads a part; its entity tag.
    pub(crate) fn upload_part(
        &mut self,
        path: &str,
        upload: &str,
        number: usize,
        body: &Body,
    ) -> Result<String, String> {
        let query = format!("partNumber={number}&uploadId={}", encoded(upload));
        self.upload(path, &query, body)
    }

    /// Makes the object at the path `source` the part of an upload; the part's entity tag.
    pub(crate) fn copy_part(
        &mut self,
        path: &str,
        upload: &str,
        number: usize,
        source: &str,
    ) -> Result<String, String> {
        let answer = self.send(&Request {
            method: "PUT",
            path,
            query: &format!("partNumber={number}&uploadId={}", encoded(upload)),
            body: Body::empty(),
            header: Some(("x-amz-copy-source", source)),
            reading: Reading::Keep,
        })?;
        let answer = expect("UploadPartCopy", 200, answer)?;
        let text = String::from_utf8_lossy(&answer.body);
        element(&text, "ETag")
            .map(|etag| etag.replace("&quot;", "\""))
            .ok_or_else(|| format!("UploadPartCopy is answered without an entity tag: {text}"))
    }

    /// Asks for what is at a path, with that query and that header, and drops it.
    pub(crate) fn ask_for(
        &mut self,
        path: &str,
        query: &str,
        header: Option<(&'static str, &str)>,
    ) -> Result<(), String> {
        let answer = self.send(&Request {
            method: "GET",
            path,
            query,
            body: Body::empty(),
            header,
            reading: Reading::Count,
        })?;
        match answer.status {
            206 => Ok(()),
            _ => expect("GET", 200, answer).map(drop),
        }
    }

    /// Completes a multipart upload of the parts with these numbers and entity tags.
    pub(crate) fn complete_upload(
        &mut self,
        path: &str,
        upload: &str,
        parts: &BTreeMap<usize, String>,
    ) -> Result<(), String> {
        let parts: String = parts
            .iter()
            .map(|(number, etag)| {
                format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
            })
            .collect();
        let document = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
        let answer = self.send(&Request {
            method: "POST",
            path,
            query: &format!("uploadId={}", encoded(upload)),
            body: &Body::of(document.into_bytes()),
            header: None,
            reading: Reading::Keep,
        })?;
        let answer = expect("CompleteMultipartUpload", 200, answer)?;
        let text = String::from_utf8_lossy(&answer.body);
        if element(&text, "ETag").is_some() {
            Ok(())
        } else {
            Err(format!("CompleteMultipartUpload failed: {text}"))
        }
    }

    /// The text at a path that needs no signature.
    pub(crate) fn text(&mut self, path: &str) -> Result<String, String> {
        let answer = expect("GET", 200, self.ask("GET", path, "", Reading::Keep)?)?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }
}

/// The parameters in the order in which they are signed.
fn list_query(delimiter: &str, after: Option<&str>) -> String {
    let mut query = String::new();
    if let Some(token) = after {
        query += &format!("continuation-token={}&", encoded(token));
    }
    if !delimiter.is_empty() {
        query += &format!("delimiter={}&", encoded(delimiter));
    }
    query + "list-type=2"
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

fn expect(operation: &str, status: u16, answer: Answer) -> Result<Answer, String> {
    if answer.status == status {
        return Ok(answer);
    }
    let text = String::from_utf8_lossy(&answer.body);
    let shown: String = text.chars().take(SHOWN).collect();
    Err(format!("{operation} is answered with {}: {shown}", answer.status))
}

fn check_length(path: &str, answer: &Answer, length: u64) -> Result<(), String> {
    if answer.length == length {
        Ok(())
    } else {
        Err(format!("{path} has {} bytes instead of {length}", answer.length))
    }
}

/// What a listing shows.
fn page(answer: &Answer) -> Result<Page, String> {
    let text =
        std::str::from_utf8(&answer.body).map_err(|error| format!("a listing is not text: {error}"))?;
    let next = element(text, "NextContinuationToken").map(|token| {
        let token = token.replace("&quot;", "\"").replace("&#34;", "\"");
        token
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&")
    });
    let truncated = element(text, "IsTruncated") == Some("true");
    if truncated && next.is_none() {
        return Err("a truncated listing does not say where it goes on".to_owned());
    }
    Ok(Page {
        keys: text.matches("<Key>").count() as u64,
        prefixes: text.matches("<CommonPrefixes>").count() as u64,
        next: next.filter(|_| truncated),
        length: answer.length,
    })
}

/// The text of the first element of this name.
fn element<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = document.split_once(&format!("<{name}>"))?;
    rest.split_once("</").map(|(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_counts_keys_and_prefixes_and_says_where_it_goes_on() {
        let answer = |text: &str| Answer {
            length: text.len() as u64,
            body: text.into(),
            ..Answer::default()
        };
        let truncated = "<R><IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b</NextContinuationToken>\
            <Contents><Key>a</Key></Contents><CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes></R>";
        let expected = Page {
            keys: 1,
            prefixes: 1,
            next: Some("a&b".to_owned()),
            length: truncated.len() as u64,
        };
        assert_eq!(page(&answer(truncated)), Ok(expected));
        let last = "<R><IsTruncated>false</IsTruncated><NextContinuationToken></NextContinuationToken></R>";
        assert_eq!(page(&answer(last)).unwrap().next, None);
        assert!(page(&answer("<R><IsTruncated>true</IsTruncated></R>")).is_err());
    }

    #[test]
    fn parameters_are_in_the_order_of_their_names() {
        assert_eq!(list_query("", None), "list-type=2");
        assert_eq!(
            list_query("/", Some("a+b=")),
            "continuation-token=a%2Bb%3D&delimiter=%2F&list-type=2"
        );
    }
}
