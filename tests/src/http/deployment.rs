//! The deployments that the S3 suite runs against, and their servers.

use std::any::Any;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;
use std::sync::OnceLock;

use super::S3;
use super::function_url;
use super::outcome::{self, Outcome};
use super::server::{
    behind_a_function_url, behind_a_streaming_url, in_memory, on_disk, on_emulated_aws, on_emulated_azure,
    on_emulated_gcp,
};

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
    /// The token of the session whose keys these are.
    pub session_token: Option<String>,
    /// What stands before the server.
    pub front: Front,
}

/// What stands between the client and the server, and changes what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front {
    /// Nothing, or nothing that matters: the client sees what arrives.
    Nothing,
    /// A Function URL of AWS Lambda. The client reads the responses of one in streaming mode as S3's where that is
    /// possible, so that rules need not know of it (see [`function_url`]).
    FunctionUrl,
    /// Something that speaks HTTP/2 without TLS with the server, as Cloud Run's front end does. What a rule says byte for
    /// byte on a [`Connection`](super::Connection) is HTTP/1.1 here too: the server speaks both on one port.
    Http2,
}

/// A rule of S3's interface.
pub struct Rule {
    /// Its path: file, name and deployment, as `cargo test` prints them, after the name of the test binary.
    pub path: &'static str,
    /// The largest body, in bytes, that its check sends.
    pub largest_body: u64,
    /// Its check.
    pub check: fn(&S3),
    /// Checks for deployments on which something else is documented.
    pub otherwise: &'static [Otherwise],
}

/// What is documented for one deployment in place of a rule.
pub struct Otherwise {
    /// The deployment.
    pub there: &'static Deployment,
    /// The check that runs there.
    pub check: fn(&S3),
}

/// One way in which BleepStore runs.
pub struct Deployment {
    /// Starts a server. Called once in a test binary.
    pub start: fn() -> Endpoint,
    /// The largest request body, in bytes, that reaches it.
    pub body_limit: Option<u64>,
    /// Checks the documented answer to a body of this size, which is larger.
    pub assert_refusal: fn(&S3, u64),
    /// The server once it runs.
    pub server: OnceLock<S3>,
}

/// Ends a rule at a step that the deployment refused as documented.
struct Refused;

/// Ends a rule whose next steps need what was refused, once the refusal has been checked.
pub fn end_refused_rule() -> ! {
    resume_unwind(Box::new(Refused))
}

impl Deployment {
    const fn unlimited(start: fn() -> Endpoint) -> Self {
        Self {
            start,
            body_limit: None,
            assert_refusal: |_, _| (),
            server: OnceLock::new(),
        }
    }

    /// Runs a rule, or what is documented in its place where the deployment does not carry it. Only the latter is
    /// noted as an outcome of its own: what is neither is a rule that held.
    pub fn run(&self, rule: &Rule) {
        let s3 = self.server.get_or_init(|| S3 {
            endpoint: (self.start)(),
        });
        if self.body_limit.is_some_and(|limit| rule.largest_body > limit) {
            (self.assert_refusal)(s3, rule.largest_body);
            return outcome::note(rule.path, Outcome::Refused);
        }
        let otherwise = rule.otherwise.iter().find(|other| ptr::eq(other.there, self));
        let check = otherwise.map_or(rule.check, |other| other.check);
        match catch_unwind(AssertUnwindSafe(|| check(s3))) {
            Ok(()) if otherwise.is_none() => {}
            Ok(()) => outcome::note(rule.path, Outcome::Differs),
            Err(end) if <dyn Any>::is::<Refused>(&*end) => outcome::note(rule.path, Outcome::Refused),
            Err(failure) => resume_unwind(failure),
        }
    }
}

/// The core over the stores in memory.
pub static MEMORY: Deployment = Deployment::unlimited(in_memory);

/// The core over the stores of the local server.
pub static SQLITE: Deployment = Deployment::unlimited(on_disk);

/// The AWS deployment as an HTTP server, on an emulated AWS.
pub static AWS_HTTP: Deployment = Deployment::unlimited(on_emulated_aws);

/// The AWS deployment on Lambda behind a Function URL, on an emulated AWS.
pub static AWS_LAMBDA: Deployment = Deployment {
    start: behind_a_function_url,
    body_limit: Some(function_url::BODY_LIMIT),
    assert_refusal: function_url::assert_body_refused,
    server: OnceLock::new(),
};

/// The same behind a Function URL in streaming mode, for what is different there.
pub static AWS_LAMBDA_STREAM: Deployment = Deployment {
    start: behind_a_streaming_url,
    body_limit: Some(function_url::BODY_LIMIT),
    assert_refusal: function_url::assert_body_refused,
    server: OnceLock::new(),
};

/// The Google Cloud deployment over HTTP/1.1, on an emulated Google Cloud.
pub static GCP_HTTP1: Deployment = Deployment::unlimited(on_emulated_gcp);

/// The same over HTTP/2 without TLS, which is how Cloud Run is told to reach it.
pub static GCP_H2C: Deployment = Deployment::unlimited(|| Endpoint {
    front: Front::Http2,
    ..on_emulated_gcp()
});

/// The Azure deployment behind the host of Functions, on an emulated Azure.
pub static AZURE_FUNCTIONS: Deployment = Deployment::unlimited(on_emulated_azure);

/// The server that `BLEEPSTORE_TEST_ENDPOINT` (host:port), `BLEEPSTORE_ACCESS_KEY` and `BLEEPSTORE_SECRET_KEY` name. Its store must
/// have the credentials of the accounts [`ALICE`](super::ALICE) and [`BOB`](super::BOB).
pub static EXTERNAL: Deployment = Deployment::unlimited(|| {
    let variable = |name| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    Endpoint {
        address: variable("BLEEPSTORE_TEST_ENDPOINT").parse().expect("host:port"),
        region: "us-east-1".to_owned(),
        access_key: variable("BLEEPSTORE_ACCESS_KEY"),
        secret_key: variable("BLEEPSTORE_SECRET_KEY"),
        session_token: None,
        front: Front::Nothing,
    }
});

/// Registers one rule as one named test per deployment. A new deployment is one line here.
#[macro_export]
macro_rules! on_every_deployment {
    () => {
        $crate::on_every_http1_deployment!();
        $crate::on_deployment!(gcp_h2c, GCP_H2C, all());
    };
}

/// Registers one rule as one named test per deployment that is reached over HTTP/1.1.
#[macro_export]
macro_rules! on_every_http1_deployment {
    () => {
        $crate::on_deployment!(memory, MEMORY, all());
        $crate::on_deployment!(sqlite, SQLITE, all());
        $crate::on_deployment!(aws_http, AWS_HTTP, all());
        $crate::on_deployment!(aws_lambda, AWS_LAMBDA, all());
        $crate::on_deployment!(gcp_http1, GCP_HTTP1, all());
        $crate::on_deployment!(azure_functions, AZURE_FUNCTIONS, all());
        $crate::on_deployment!(external, EXTERNAL, feature = "external");
    };
}

/// Registers one rule as one named test per deployment whose server has the base domain
/// [`DOMAIN`](crate::http::DOMAIN), and the domain of websites beside it. A function behind its URL has one host.
#[macro_export]
macro_rules! on_every_deployment_with_a_domain {
    () => {
        $crate::on_deployment!(memory, MEMORY, all());
        $crate::on_deployment!(sqlite, SQLITE, all());
        $crate::on_deployment!(aws_http, AWS_HTTP, all());
        $crate::on_deployment!(gcp_http1, GCP_HTTP1, all());
        $crate::on_deployment!(azure_functions, AZURE_FUNCTIONS, all());
    };
}

/// Registers the rule that `check`, `LARGEST_BODY` and `OTHERWISE` around it make up as a test of one deployment.
#[macro_export]
macro_rules! on_deployment {
    ($name:ident, $deployment:ident, $condition:meta) => {
        #[cfg($condition)]
        #[test]
        fn $name() {
            $crate::http::deployment::$deployment.run(&$crate::http::deployment::Rule {
                path: concat!(module_path!(), "::", stringify!($name)),
                largest_body: LARGEST_BODY,
                check,
                otherwise: OTHERWISE,
            });
        }
    };
}

/// Writes down a rule of S3's interface: its name, the largest body in bytes that it sends, and its check, which
/// runs against every deployment. Where a deployment's platform does not carry what the rule is about, the check of
/// what is documented there follows: `on AWS_LAMBDA: |s3: &S3| { … }`.
#[macro_export]
macro_rules! s3_test {
    ($($rule:tt)*) => {
        $crate::rule!(on_every_deployment, $($rule)*);
    };
}

/// Writes down a rule that an SDK checks, which chooses HTTP/1.1 itself; otherwise like [`s3_test`].
#[macro_export]
macro_rules! sdk_test {
    ($($rule:tt)*) => {
        $crate::rule!(on_every_http1_deployment, $($rule)*);
    };
}

/// Writes down a rule of requests that name their bucket in the host, or of websites; otherwise like [`s3_test`].
#[macro_export]
macro_rules! domain_test {
    ($($rule:tt)*) => {
        $crate::rule!(on_every_deployment_with_a_domain, $($rule)*);
    };
}

/// A rule as [`s3_test`] has it, registered by this macro.
#[macro_export]
macro_rules! rule {
    (
        $register:ident, $name:ident, largest_body = $largest_body:expr, |$s3:ident: &S3| $check:block
        $(, on $deployment:ident: |$there:ident: &S3| $otherwise:block)* $(,)?
    ) => {
        mod $name {
            use super::*;

            const LARGEST_BODY: u64 = $largest_body;
            static OTHERWISE: &[$crate::http::deployment::Otherwise] =
                &[$($crate::http::deployment::Otherwise {
                    there: &$crate::http::deployment::$deployment,
                    check: |$there: &S3| $otherwise,
                }),*];

            fn check($s3: &S3) $check

            $crate::$register!();
        }
    };
}

/// Writes down how one deployment differs from S3, as a rule that runs there only.
#[macro_export]
macro_rules! deployment_test {
    ($name:ident on $test:ident, $deployment:ident, |$s3:ident: &S3| $check:block) => {
        mod $name {
            use super::*;

            const LARGEST_BODY: u64 = 0;
            static OTHERWISE: &[$crate::http::deployment::Otherwise] = &[];

            fn check($s3: &S3) $check

            $crate::on_deployment!($test, $deployment, all());
        }
    };
}
