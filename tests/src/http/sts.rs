//! STS as its clients speak it.

use super::encoding::percent;
use super::{Account, Bucket, Endpoint, Request, Response, S3};

/// Temporary credentials.
#[derive(Clone, Debug)]
pub struct Session {
    /// The access key.
    pub access_key: String,
    /// The secret key.
    pub secret_key: String,
    /// The token.
    pub token: String,
}

/// STS's error document.
#[derive(Debug)]
pub struct StsError {
    /// The text that STS writes for people.
    pub message: String,
    /// The response that carried it.
    pub response: Response,
}

impl S3 {
    /// A request to STS at the same address.
    pub fn sts(&self, action: &str, parameters: &[(&str, &str)]) -> Request {
        let both = [&[("Action", action), ("Version", "2011-06-15")], parameters].concat();
        self.sts_form(&both)
    }

    /// A request to STS with these parameters alone.
    pub fn sts_form(&self, parameters: &[(&str, &str)]) -> Request {
        let pairs: Vec<String> = parameters
            .iter()
            .map(|(name, value)| format!("{name}={}", percent(value)))
            .collect();
        self.request("POST", "/")
            .service("sts")
            .leaving_its_hash_unsigned()
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .body(pairs.join("&"))
    }

    /// A session of who asks, with this policy.
    #[track_caller]
    pub fn session(&self, policy: Option<&str>) -> Session {
        let identity = self.sts("GetCallerIdentity", &[]).expect(200);
        let account = identity.value("GetCallerIdentityResponse/GetCallerIdentityResult/Account");
        let role = format!("arn:aws:iam::{account}:role/any");
        let named = [("RoleArn", role.as_str()), ("RoleSessionName", "tests")];
        let policy: Vec<_> = policy.map(|policy| ("Policy", policy)).into_iter().collect();
        let answer = self
            .sts("AssumeRole", &[&named[..], &policy].concat())
            .expect(200);
        answer.session("AssumeRole")
    }

    /// The same server, asked with temporary credentials.
    pub fn in_session(&self, session: &Session) -> Self {
        Self {
            endpoint: session.seeing(&self.endpoint),
        }
    }
}

impl Bucket {
    /// The same bucket, asked about with temporary credentials.
    pub fn in_session(&self, session: &Session) -> Self {
        Self {
            name: self.name.clone(),
            endpoint: session.seeing(&self.endpoint),
        }
    }

    /// A session of an account, narrowed by a policy.
    #[track_caller]
    pub fn session_of(&self, account: &Account, policy: Option<&str>) -> Session {
        let s3 = S3 {
            endpoint: self.endpoint.clone(),
        };
        s3.acting_for(account).session(policy)
    }
}

impl Session {
    fn seeing(&self, endpoint: &Endpoint) -> Endpoint {
        Endpoint {
            access_key: self.access_key.clone(),
            secret_key: self.secret_key.clone(),
            session_token: Some(self.token.clone()),
            ..endpoint.clone()
        }
    }
}

impl Response {
    /// The temporary credentials that an action answered.
    #[track_caller]
    pub fn session(&self, action: &str) -> Session {
        let value = |name: &str| self.value(&format!("{action}Response/{action}Result/Credentials/{name}"));
        Session {
            access_key: value("AccessKeyId"),
            secret_key: value("SecretAccessKey"),
            token: value("SessionToken"),
        }
    }

    /// Checks that this is an error of STS with that status and code.
    #[track_caller]
    pub fn into_sts_error(self, status: u16, code: &str) -> StsError {
        let response = self.assert_status(status);
        assert_eq!(response.required("content-type"), "text/xml");
        assert_eq!(
            response.value("ErrorResponse/Error/Code"),
            code,
            "{}",
            response.text()
        );
        let kind = if status < 500 { "Sender" } else { "Receiver" };
        assert_eq!(response.value("ErrorResponse/Error/Type"), kind);
        let id = response.value("ErrorResponse/RequestId");
        assert_eq!(response.required("x-amzn-requestid"), id);
        let message = response.value("ErrorResponse/Error/Message");
        assert!(!message.is_empty(), "an empty message");
        StsError { message, response }
    }
}

impl Request {
    /// Sends the request and checks that STS refuses it with this status and code.
    #[track_caller]
    pub fn expect_sts_error(self, status: u16, code: &str) -> StsError {
        self.send().into_sts_error(status, code)
    }
}
