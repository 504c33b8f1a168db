//! The examples of <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html>, those of its first edition too,
//! under the names that they have there.

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{SigV2Request, claim};
use crate::model::{ErrorCode, SigV2, Timestamp};
use crate::protocol::hoisted::hoisted;
use crate::protocol::host::Addressing;
use crate::protocol::query::Query;
use crate::protocol::sigv4::RequestHead;

const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

struct Example {
    name: &'static str,
    method: &'static str,
    /// The bucket where it is in the host.
    bucket: Option<&'static str>,
    target: &'static str,
    headers: &'static [(&'static str, &'static str)],
    /// When it is sent.
    seconds: i64,
    signature: &'static str,
}

const EXAMPLES: [Example; 9] = [
    Example {
        name: "Object GET",
        method: "GET",
        bucket: Some("awsexamplebucket1"),
        target: "/photos/puppy.jpg",
        headers: &[("date", "Tue, 27 Mar 2007 19:36:42 +0000")],
        seconds: 1_175_024_202,
        signature: "qgk2+6Sv9/oM7G3qLEjTH1a1l1g=",
    },
    Example {
        name: "Object GET, first edition",
        method: "GET",
        bucket: Some("johnsmith"),
        target: "/photos/puppy.jpg",
        headers: &[("date", "Tue, 27 Mar 2007 19:36:42 +0000")],
        seconds: 1_175_024_202,
        signature: "bWq2s1WEIj+Ydj0vQ697zp+IXMU=",
    },
    Example {
        name: "Object PUT",
        method: "PUT",
        bucket: Some("johnsmith"),
        target: "/photos/puppy.jpg",
        headers: &[
            ("content-type", "image/jpeg"),
            ("content-length", "94328"),
            ("date", "Tue, 27 Mar 2007 21:15:45 +0000"),
        ],
        seconds: 1_175_030_145,
        signature: "MyyxeRY7whkBe+bq8fHCL/2kKUg=",
    },
    Example {
        name: "List",
        method: "GET",
        bucket: Some("johnsmith"),
        target: "/?prefix=photos&max-keys=50&marker=puppy",
        headers: &[
            ("user-agent", "Mozilla/5.0"),
            ("date", "Tue, 27 Mar 2007 19:42:41 +0000"),
        ],
        seconds: 1_175_024_561,
        signature: "htDYFYduRNen8P9ZfE/s9SuKy0U=",
    },
    Example {
        name: "Fetch",
        method: "GET",
        bucket: Some("johnsmith"),
        target: "/?acl",
        headers: &[("date", "Tue, 27 Mar 2007 19:44:46 +0000")],
        seconds: 1_175_024_686,
        signature: "c2WLPFtWHVgbEmeEG93a4cG37dM=",
    },
    Example {
        name: "Delete",
        method: "DELETE",
        bucket: None,
        target: "/johnsmith/photos/puppy.jpg",
        headers: &[
            ("user-agent", "dotnet"),
            ("date", "Tue, 27 Mar 2007 21:20:26 +0000"),
        ],
        seconds: 1_175_030_426,
        signature: "lx3byBScXR6KzyMaifNkardMwNk=",
    },
    Example {
        name: "Upload",
        method: "PUT",
        bucket: Some("static.johnsmith.net"),
        target: "/db-backup.dat.gz",
        headers: &[
            ("date", "Tue, 27 Mar 2007 21:06:08 +0000"),
            ("x-amz-acl", "public-read"),
            ("content-type", "application/x-download"),
            ("content-md5", "4gJE4saaMU4BqNR0kLY+lw=="),
            ("x-amz-meta-reviewedby", "joe@johnsmith.net"),
            ("x-amz-meta-reviewedby", "jane@johnsmith.net"),
            ("x-amz-meta-filechecksum", "0x02661779"),
            ("x-amz-meta-checksumalgorithm", "crc32"),
            ("content-disposition", "attachment; filename=database.dat"),
            ("content-encoding", "gzip"),
        ],
        seconds: 1_175_029_568,
        signature: "ilyl83RwaSoYIEdixDQcA4OnAnc=",
    },
    Example {
        name: "List all my buckets",
        method: "GET",
        bucket: None,
        target: "/",
        headers: &[("date", "Wed, 28 Mar 2007 01:29:59 +0000")],
        seconds: 1_175_045_399,
        signature: "qGdzdERIC03wnaRNKh6OqZehG9s=",
    },
    Example {
        name: "Unicode keys",
        method: "GET",
        bucket: None,
        target: "/dictionary/fran%C3%A7ais/pr%c3%a9f%c3%a8re",
        headers: &[("date", "Wed, 28 Mar 2007 01:49:49 +0000")],
        seconds: 1_175_046_589,
        signature: "DNEZGsoieTZ92F3bUfSPQcbGmlM=",
    },
];

/// Query string request authentication alternative.
const QUERY_STRING: Example = Example {
    name: "Query string",
    method: "GET",
    bucket: Some("johnsmith"),
    target: "/photos/puppy.jpg?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D\
             &Expires=1175139620",
    headers: &[("date", "Mon, 26 Mar 2007 19:37:58 +0000")],
    seconds: 1_175_139_620,
    signature: "",
};

impl Example {
    fn verify(&self, method: &str, secret: &str) -> Result<String, ErrorCode> {
        let mut headers = HeaderMap::new();
        for (name, value) in self.headers {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        if !self.signature.is_empty() {
            let value = format!("AWS {ACCESS_KEY}:{}", self.signature);
            headers.insert("authorization", HeaderValue::try_from(value).unwrap());
        }
        let (raw_path, raw_query) = self.target.split_once('?').unwrap_or((self.target, ""));
        let mut acted_on = headers.clone();
        acted_on.extend(hoisted(&Query::parse(raw_query).unwrap(), &headers).unwrap());
        let addressing = match self.bucket {
            Some(bucket) => Addressing::VirtualHosted(bucket.to_owned()),
            None => Addressing::PathStyle,
        };
        let request = SigV2Request {
            head: RequestHead {
                method,
                raw_path,
                raw_query,
                headers: &headers,
            },
            headers: &acted_on,
            addressing: &addressing,
        };
        let claim = claim(&request, Timestamp::from_seconds(self.seconds), SigV2::On);
        let claim = claim.map_err(|error| error.code)?.expect("version 2");
        claim.verify(secret).map_err(|error| error.code)?;
        Ok(claim.access_key().to_owned())
    }
}

#[test]
fn the_published_signatures_are_accepted() {
    for example in EXAMPLES.iter().chain([&QUERY_STRING]) {
        let verified = example.verify(example.method, SECRET);
        assert_eq!(verified.as_deref(), Ok(ACCESS_KEY), "{}", example.name);
    }
}

#[test]
fn another_secret_or_method_does_not_match() {
    for example in EXAMPLES.iter().chain([&QUERY_STRING]) {
        let mismatch = Err(ErrorCode::SignatureDoesNotMatch);
        assert_eq!(
            example.verify(example.method, "other"),
            mismatch,
            "{}",
            example.name
        );
        assert_eq!(example.verify("POST", SECRET), mismatch, "{}", example.name);
    }
}
