//! The deployments that the S3 suite runs against, and their servers.

use std::net::SocketAddr;
use std::sync::OnceLock;

use super::server::{in_memory, on_disk, on_emulated_aws};
use super::{Response, S3};

/// Where a server is and what keys it takes.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its address.
    pub address: SocketAddr,
    /// The region that requests are signed for.
    pub region: String,
    /// The root credential's access key.
    pub access_key: String,
    /// The root credential's secret key.
    pub secret_key: String,
}

/// One way in which BleepStore runs.
pub struct Deployment {
    /// Starts a server. Called once in a test binary.
    pub start: fn() -> Endpoint,
    /// The largest request body, in bytes, that reaches it.
    pub body_limit: Option<u64>,
    /// Checks the documented answer to a body that is larger.
    pub assert_refusal: fn(&Response),
    /// The server once it runs.
    pub server: OnceLock<S3>,
}

impl Deployment {
    const fn unlimited(start: fn() -> Endpoint) -> Self {
        Self {
            start,
            body_limit: None,
            assert_refusal: |_| (),
            server: OnceLock::new(),
        }
    }

    /// Runs a rule, or, where the rule's largest body cannot reach the deployment, checks how it is refused.
    pub fn run(&self, largest_body: u64, rule: fn(&S3)) {
        let s3 = self.server.get_or_init(|| S3 {
            endpoint: (self.start)(),
        });
        match self.body_limit {
            Some(limit) if largest_body > limit => {
                let size = usize::try_from(largest_body).unwrap();
                (self.assert_refusal)(&s3.bucket().put("too-large", vec![0; size]).send());
            }
            _ => rule(s3),
        }
    }
}

/// The core over the stores in memory.
pub static MEMORY: Deployment = Deployment::unlimited(in_memory);

/// The core over the stores of the local server.
pub static SQLITE: Deployment = Deployment::unlimited(on_disk);

/// The AWS deployment as an HTTP server, on an emulated AWS.
pub static AWS_HTTP: Deployment = Deployment::unlimited(on_emulated_aws);

/// The server that `BLEEPSTORE_TEST_ENDPOINT` (host:port), `BLEEPSTORE_ACCESS_KEY` and `BLEEPSTORE_SECRET_KEY` name.
pub static EXTERNAL: Deployment = Deployment::unlimited(|| {
    let variable = |name| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    Endpoint {
        address: variable("BLEEPSTORE_TEST_ENDPOINT").parse().expect("host:port"),
        region: "us-east-1".to_owned(),
        access_key: variable("BLEEPSTORE_ACCESS_KEY"),
        secret_key: variable("BLEEPSTORE_SECRET_KEY"),
    }
});

/// Registers one rule as one named test per deployment. A new deployment is one line here.
#[macro_export]
macro_rules! on_every_deployment {
    ($largest_body:expr, $rule:path) => {
        $crate::on_deployment!(memory, MEMORY, all(), $largest_body, $rule);
        $crate::on_deployment!(sqlite, SQLITE, all(), $largest_body, $rule);
        $crate::on_deployment!(aws_http, AWS_HTTP, all(), $largest_body, $rule);
        $crate::on_deployment!(
            external,
            EXTERNAL,
            feature = "external",
            $largest_body,
            $rule
        );
    };
}

/// Registers one rule as a test of one deployment.
#[macro_export]
macro_rules! on_deployment {
    ($name:ident, $deployment:ident, $condition:meta, $largest_body:expr, $rule:path) => {
        #[cfg($condition)]
        #[test]
        fn $name() {
            $crate::http::deployment::$deployment.run($largest_body, $rule);
        }
    };
}

/// Writes down a rule of S3's interface: its name, the largest body in bytes that it sends, and its check, which
/// runs against every deployment.
#[macro_export]
macro_rules! s3_test {
    ($name:ident, largest_body = $largest_body:expr, |$s3:ident: &S3| $check:block) => {
        mod $name {
            use super::*;

            fn check($s3: &S3) $check

            $crate::on_every_deployment!($largest_body, check);
        }
    };
}
