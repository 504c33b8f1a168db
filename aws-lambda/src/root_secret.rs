//! The root credential's secret keys, where Parameter Store of AWS Systems Manager keeps them.
//!
//! One call for each secret key when the process starts, made by hand: the SDK of Systems Manager is as large as those
//! of both stores together.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_config::retry::{ErrorKind, ProvideErrorKind, RetryConfig};
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{
    ModeledAsRetryableClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use bleepstore_core::remote::describe;
use bleepstore_http::Environment;
use serde::Deserialize;
use serde_json::json;

/// What follows the name of a secret key's variable in that of the variable which names its parameter (by name or ARN,
/// with `:` and a version for one that is not the latest).
const PARAMETER: &str = "_PARAMETER";

/// The operation of the JSON protocol.
/// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html>
const OPERATION: &str = "AmazonSSM.GetParameter";

const CONNECT: Duration = Duration::from_secs(2);
/// All tries for one parameter. Both are read at once: Lambda ends a start that takes 10 seconds.
const WHOLE: Duration = Duration::from_secs(9);
/// Parameter Store serves 40 reads a second, and a burst may start more instances than that.
const TRIES: u32 = 6;

/// The environment with the secret keys in it, wherever they are.
pub(crate) async fn resolved(
    environment: Environment<'static>,
    sdk: &SdkConfig,
) -> Result<Environment<'static>, String> {
    let read = async |parameter: &str| {
        let secret = read(parameter, sdk).await;
        secret.map_err(|error| format!("the parameter {parameter} cannot be read: {error}"))
    };
    environment.with_secret_keys(PARAMETER, read).await
}

async fn read(parameter: &str, sdk: &SdkConfig) -> Result<String, String> {
    let (Some(region), Some(client), Some(credentials)) =
        (sdk.region(), sdk.http_client(), sdk.credentials_provider())
    else {
        return Err("the SDK has no region, no client or no credentials".to_owned());
    };
    let credentials = credentials
        .provide_credentials()
        .await
        .map_err(|error| describe(&error))?;
    let endpoint = sdk
        .endpoint_url()
        .map_or_else(|| endpoint(region.as_ref()), str::to_owned);
    let call = Call {
        parameter: parameter.to_owned(),
        region: region.to_string(),
        endpoint: endpoint.trim_end_matches('/').to_owned(),
        credentials,
    };
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_timeout(WHOLE);
    let operation = Operation::builder()
        .service_name("SSM")
        .operation_name("GetParameter")
        .http_client(client)
        .endpoint_url(&call.endpoint)
        // It is signed where it is written, which the builder offers no place for.
        .no_auth()
        .timeout_config(timeouts.build())
        .standard_retry(&RetryConfig::standard().with_max_attempts(TRIES))
        .retry_classifier(TransientErrorClassifier::<Refused>::new())
        .retry_classifier(ModeledAsRetryableClassifier::<Refused>::new())
        .serializer(move |()| call.request(SystemTime::now()))
        .deserializer(value)
        .build();
    operation.invoke(()).await.map_err(|error| describe(&error))
}

/// <https://docs.aws.amazon.com/general/latest/gr/ssm.html>
fn endpoint(region: &str) -> String {
    let domain = if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    format!("https://ssm.{region}.{domain}")
}

struct Call {
    parameter: String,
    region: String,
    endpoint: String,
    credentials: Credentials,
}

impl Call {
    fn request(&self, now: SystemTime) -> Result<HttpRequest, BoxError> {
        let body = json!({ "Name": self.parameter, "WithDecryption": true }).to_string();
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", OPERATION),
        ];
        let uri = format!("{}/", self.endpoint);
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("ssm")
            .time(now)
            .settings(SigningSettings::default())
            .build()?;
        let signable = SignableRequest::new(
            "POST",
            &uri,
            headers.into_iter(),
            SignableBody::Bytes(body.as_bytes()),
        )?;
        let (signature, _) = sign(signable, &parameters.into())?.into_parts();
        let mut request = http::Request::post(&uri).body(SdkBody::from(body))?;
        for (name, value) in headers {
            request
                .headers_mut()
                .insert(name, http::HeaderValue::from_static(value));
        }
        signature.apply_to_request_http1x(&mut request);
        Ok(HttpRequest::try_from(request)?)
    }
}

/// What Parameter Store answers where it does not answer with the value.
#[derive(Clone, Debug, thiserror::Error)]
#[error("Parameter Store answered {status} {code}")]
struct Refused {
    status: u16,
    code: String,
}

impl ProvideErrorKind for Refused {
    fn retryable_error_kind(&self) -> Option<ErrorKind> {
        match self.code.as_str() {
            "ThrottlingException" | "TooManyRequestsException" => Some(ErrorKind::ThrottlingError),
            _ if self.status >= 500 => Some(ErrorKind::ServerError),
            _ => None,
        }
    }

    fn code(&self) -> Option<&str> {
        Some(&self.code)
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Parameter")]
    parameter: Parameter,
}

#[derive(Deserialize)]
struct Parameter {
    #[serde(rename = "Value")]
    value: String,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(rename = "__type")]
    kind: String,
}

fn value(response: &HttpResponse) -> Result<String, OrchestratorError<Refused>> {
    let status = response.status().as_u16();
    let body = response.body().bytes().unwrap_or_default();
    if status == 200 {
        let answer: Answer =
            serde_json::from_slice(body).map_err(|error| OrchestratorError::other(Box::new(error)))?;
        return Ok(answer.parameter.value);
    }
    // The code may stand after a namespace: `com.amazonaws.ssm#ParameterNotFound`.
    let failure: Option<Failure> = serde_json::from_slice(body).ok();
    let code = failure.map_or_else(String::new, |failure| {
        failure.kind.rsplit('#').next().unwrap_or_default().to_owned()
    });
    Err(OrchestratorError::operation(Refused { status, code }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, body: &str) -> Result<String, OrchestratorError<Refused>> {
        let response = http::Response::builder()
            .status(status)
            .body(SdkBody::from(body))
            .unwrap();
        value(&HttpResponse::try_from(response).unwrap())
    }

    fn refused(status: u16, body: &str) -> Refused {
        let error = answered(status, body).unwrap_err();
        error.as_operation_error().unwrap().clone()
    }

    #[test]
    fn the_request_is_signed_over_its_target_and_asks_for_the_decrypted_value() {
        let call = Call {
            parameter: "/a/b".to_owned(),
            region: "eu-west-1".to_owned(),
            endpoint: endpoint("eu-west-1"),
            credentials: Credentials::from_keys("AKID", "secret", Some("token".to_owned())),
        };
        let request = call.request(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(request.uri(), "https://ssm.eu-west-1.amazonaws.com/");
        assert_eq!(
            request.headers().get("x-amz-target"),
            Some("AmazonSSM.GetParameter")
        );
        assert_eq!(request.headers().get("x-amz-security-token"), Some("token"));
        let authorization = request.headers().get("authorization").unwrap();
        assert!(
            authorization
                .starts_with("AWS4-HMAC-SHA256 Credential=AKID/19700101/eu-west-1/ssm/aws4_request, "),
            "{authorization}"
        );
        assert!(authorization.contains("x-amz-target"), "{authorization}");
        let body: serde_json::Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        assert_eq!(body, json!({ "Name": "/a/b", "WithDecryption": true }));
    }

    #[test]
    fn the_endpoint_is_that_of_the_regions_partition() {
        assert_eq!(
            endpoint("us-gov-west-1"),
            "https://ssm.us-gov-west-1.amazonaws.com"
        );
        assert_eq!(endpoint("cn-north-1"), "https://ssm.cn-north-1.amazonaws.com.cn");
    }

    #[test]
    fn the_value_is_read_from_the_answer_alone() {
        let found = answered(200, r#"{"Parameter":{"Name":"/a","Value":"s3cret","Version":1}}"#);
        assert_eq!(found.unwrap(), "s3cret");
        assert!(answered(200, "{}").is_err());
        assert!(answered(200, "").is_err());
    }

    #[test]
    fn throttling_and_failures_are_tried_again_and_refusals_are_not() {
        let throttled = refused(400, r#"{"__type":"com.amazonaws.ssm#ThrottlingException"}"#);
        assert_eq!(throttled.retryable_error_kind(), Some(ErrorKind::ThrottlingError));
        assert_eq!(
            refused(500, "").retryable_error_kind(),
            Some(ErrorKind::ServerError)
        );
        let absent = refused(400, r#"{"__type":"ParameterNotFound"}"#);
        assert_eq!(absent.retryable_error_kind(), None);
        assert_eq!(
            absent.to_string(),
            "Parameter Store answered 400 ParameterNotFound"
        );
    }
}
