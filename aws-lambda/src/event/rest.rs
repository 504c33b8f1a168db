//! What a REST API of API Gateway does to a request: the path arrives as it was sent, the query as a map of decoded
//! values.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>. That the path
//! keeps its escapes was seen on AWS by others (<https://github.com/middleapi/standard-server/pull/93>), and so was
//! that the query loses them (<https://github.com/micronaut-projects/micronaut-aws/pull/1412>).

use bleepstore_core::protocol::percent;
use http::header::AUTHORIZATION;
use lambda_http::aws_lambda_events::apigw::ApiGatewayProxyRequest;

use super::Unreadable;

/// Parameters that a presigned request has, in both versions of signatures.
const SIGNATURES: [&str; 2] = ["X-Amz-Signature", "Signature"];

/// Refuses what reaches the function by an API that is not set up for S3.
pub(super) fn check(event: &ApiGatewayProxyRequest) -> Result<(), Unreadable> {
    let asked = event.request_context.path.as_deref();
    if asked.is_some_and(|asked| Some(asked) != event.path.as_deref()) {
        return Err(Unreadable::Ambiguous(
            "The REST API was asked below the name of a stage, which belongs to the path that is signed. Use a domain name of \
             the API that has an empty base path.",
        ));
    }
    let has_body = event.body.as_ref().is_some_and(|body| !body.is_empty());
    if has_body && !event.is_base64_encoded {
        return Err(Unreadable::Ambiguous(
            "The REST API hands bodies over as text, which changes bytes. Its binary media types must be */*.",
        ));
    }
    Ok(())
}

/// The query, encoded again as signatures have it. Their order is not the client's: signatures sort it.
pub(super) fn query(event: &ApiGatewayProxyRequest) -> Result<String, Unreadable> {
    let all = &event.multi_value_query_string_parameters;
    if all.is_empty() && !event.query_string_parameters.is_empty() {
        return Err(Unreadable::Ambiguous(
            "The REST API hands over one value of each query parameter, and there may have been several.",
        ));
    }
    let signed = event.headers.contains_key(AUTHORIZATION)
        || event.multi_value_headers.contains_key(AUTHORIZATION)
        || SIGNATURES.iter().any(|name| all.first(name).is_some());
    let mut pairs: Vec<(&str, &str)> = all.iter().collect();
    pairs.sort_unstable();
    let words = || pairs.iter().flat_map(|(name, value)| [*name, *value]);
    if words().any(|word| word.contains(char::REPLACEMENT_CHARACTER)) {
        return Err(Unreadable::Ambiguous(
            "A query parameter is not UTF-8, and a REST API does not hand it over as it was sent.",
        ));
    }
    // A signature covers which of the two it was.
    if !signed && words().any(|word| word.contains('+')) {
        return Err(Unreadable::Ambiguous(
            "A query parameter has a plus sign or a space, which a REST API does not tell apart. Sign the request.",
        ));
    }
    let written = pairs.iter().map(|(name, value)| match *value {
        "" => percent::encode(name),
        value => format!("{}={}", percent::encode(name), percent::encode(value)),
    });
    Ok(written.collect::<Vec<_>>().join("&"))
}
