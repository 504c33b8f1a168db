//! Fuzz targets: what reads bytes that a stranger sent, each as a function of bytes that panics where a promise is
//! broken. `tests/fuzz` runs the kept corpus and mutations of it; `fuzz`, outside the workspace, gives them to cargo-fuzz.
//!
//! Both compile this folder, which therefore uses nothing but the core, `bytes` and `http`.

mod body;
mod form;
mod head;
mod policy;
mod sts;

use bleepstore_core::protocol::form::MAX_BEFORE_FILE;
use bleepstore_core::protocol::sts::MOST_BYTES;

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and that of its folder of the corpus.
    pub name: &'static str,
    /// Takes any bytes.
    pub run: fn(&[u8]),
    /// The most bytes of this kind that reach the core in one request: a head ends at 64 KiB in every server.
    pub most: usize,
}

/// What a head may be long, in bytes.
const HEAD: usize = 64 * 1024;

/// What the configuration of a bucket may be long, in bytes.
const CONFIGURATION: usize = 64 * 1024;

/// The same of that of a website.
const WEBSITE: usize = 128 * 1024;

/// The longest body of PutBucketNotificationConfiguration.
const NOTIFICATION: usize = 512 * 1024;

/// The requests whose cost is bounded: 1 MiB.
const REQUEST: usize = 1024 * 1024;

/// All targets.
pub const TARGETS: [Target; 21] = [
    Target {
        name: "authorization",
        run: head::authorization,
        most: HEAD,
    },
    Target {
        name: "presigned_query",
        run: head::presigned_query,
        most: HEAD,
    },
    Target {
        name: "target",
        run: head::target,
        most: HEAD,
    },
    Target {
        name: "range",
        run: head::range,
        most: HEAD,
    },
    Target {
        name: "conditions",
        run: head::conditions,
        most: HEAD,
    },
    Target {
        name: "copy_source",
        run: head::copy_source,
        most: HEAD,
    },
    Target {
        name: "headers",
        run: head::headers,
        most: HEAD,
    },
    Target {
        name: "aws_chunked",
        run: body::aws_chunked,
        most: REQUEST,
    },
    Target {
        name: "delete_xml",
        run: body::delete_xml,
        most: REQUEST,
    },
    Target {
        name: "complete_xml",
        run: body::complete_xml,
        most: REQUEST,
    },
    Target {
        name: "create_bucket_xml",
        run: body::create_bucket_xml,
        most: REQUEST,
    },
    Target {
        name: "ownership_xml",
        run: body::ownership_xml,
        most: REQUEST,
    },
    Target {
        name: "acl_xml",
        run: body::acl_xml,
        most: REQUEST,
    },
    Target {
        name: "cors_xml",
        run: body::cors_xml,
        most: CONFIGURATION,
    },
    Target {
        name: "notification_xml",
        run: body::notification_xml,
        most: NOTIFICATION,
    },
    Target {
        name: "website_xml",
        run: body::website_xml,
        most: WEBSITE,
    },
    Target {
        name: "policy",
        run: policy::policy,
        most: REQUEST,
    },
    Target {
        name: "form",
        run: form::form,
        most: REQUEST,
    },
    Target {
        name: "form_policy",
        run: form::form_policy,
        most: MAX_BEFORE_FILE,
    },
    Target {
        name: "sts_form",
        run: sts::sts_form,
        most: MOST_BYTES,
    },
    Target {
        name: "session_token",
        run: sts::session_token,
        most: HEAD,
    },
];
