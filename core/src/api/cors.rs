//! Answers to preflight requests, and what browsers are told beside every other answer.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, VARY,
};
use http::{HeaderMap, StatusCode};

use super::Answer;
use super::response::{empty, set};
use crate::model::{BucketName, CorsRequest, CorsRule, S3Error};
use crate::ops::{BucketCors, Context, bucket_cors};
use crate::protocol::cors::{Refusal, preflight, refused_preflight};
use crate::protocol::route::Route;

/// What S3 says that such an answer depends on, whatever the rule.
const DEPENDS_ON: &str = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";

/// Answers a browser that asks whether a page may make a request.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTOPTIONSobject.html>
pub(super) async fn answer_preflight(context: &Context, route: &Route, headers: &HeaderMap) -> Answer {
    let request = preflight(headers)?;
    let refused = |why| Err(refused_preflight(&request, route, why));
    let Some(bucket) = &route.bucket else {
        return refused(Refusal::Off);
    };
    let configuration = match bucket_cors(context, bucket).await? {
        BucketCors::NoBucket => return refused(Refusal::NoBucket),
        BucketCors::Off => return refused(Refusal::Off),
        BucketCors::Rules(configuration) => configuration,
    };
    let Some(rule) = configuration.rule_for(&request) else {
        return refused(Refusal::NoRule);
    };
    let mut response = empty(StatusCode::OK);
    allow(rule, &request, response.headers_mut())?;
    Ok(response)
}

/// Lets the page that made `request` read an answer about that bucket, an error too, if a rule of the bucket does.
/// Where the rules cannot be read, the answer stays as it is: what it reports was done.
pub(crate) async fn let_origin_read(
    context: &Context,
    bucket: &BucketName,
    request: &CorsRequest,
    headers: &mut HeaderMap,
) {
    let allowed = match bucket_cors(context, bucket).await {
        Ok(BucketCors::Rules(configuration)) => configuration
            .rule_for(request)
            .map_or(Ok(()), |rule| allow(rule, request, headers)),
        Ok(BucketCors::NoBucket | BucketCors::Off) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = allowed {
        tracing::warn!(%bucket, %error, "an answer lacks what another origin needs to read it");
    }
}

/// What a browser is told of a request that `rule` allows.
fn allow(rule: &CorsRule, request: &CorsRequest, headers: &mut HeaderMap) -> Result<(), S3Error> {
    let methods: Vec<&str> = rule
        .allowed_methods
        .iter()
        .map(|method| method.as_str())
        .collect();
    if rule.is_for_all_origins() {
        set(headers, ACCESS_CONTROL_ALLOW_ORIGIN, "*")?;
    } else {
        set(headers, ACCESS_CONTROL_ALLOW_ORIGIN, &request.origin)?;
        set(headers, ACCESS_CONTROL_ALLOW_CREDENTIALS, "true")?;
    }
    set(headers, ACCESS_CONTROL_ALLOW_METHODS, &methods.join(", "))?;
    if !request.headers.is_empty() {
        set(headers, ACCESS_CONTROL_ALLOW_HEADERS, &request.headers.join(", "))?;
    }
    if !rule.expose_headers.is_empty() {
        set(
            headers,
            ACCESS_CONTROL_EXPOSE_HEADERS,
            &rule.expose_headers.join(", "),
        )?;
    }
    if let Some(seconds) = rule.max_age_seconds {
        set(headers, ACCESS_CONTROL_MAX_AGE, &seconds.to_string())?;
    }
    set(headers, VARY, DEPENDS_ON)
}
