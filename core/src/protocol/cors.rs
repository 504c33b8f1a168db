//! What browsers say of requests that pages of other origins make (CORS), and what S3 tells them before.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html>

use http::{HeaderMap, Method};

use super::headers::joined;
use super::route::Route;
use crate::model::{CorsMethod, CorsRequest, ErrorCode, S3Error};

const REQUEST_METHOD: &str = "access-control-request-method";

/// Why a preflight request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such bucket.
    NoBucket,
    /// The bucket has no CORS configuration.
    Off,
    /// No rule of the bucket allows what it asks for.
    NoRule,
}

/// What a preflight request asks for; without a method where it names none. `BadRequest` where it does not say who wants to
/// send, or names a method that no rule can allow.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTOPTIONSobject.html>
pub fn preflight(headers: &HeaderMap) -> Result<CorsRequest, S3Error> {
    let Some(origin) = origin(headers) else {
        let message = "Insufficient information. Origin request header needed.";
        return Err(S3Error::message(ErrorCode::BadRequest, message));
    };
    let named = joined(headers, REQUEST_METHOD);
    let method = named
        .as_deref()
        .map(|name| CorsMethod::named(name).ok_or_else(|| invalid_method(name)));
    Ok(CorsRequest {
        origin,
        method: method.transpose()?,
        headers: requested_headers(headers),
    })
}

/// What any other request says of the page that makes it; `None` where no page of another origin does. As in S3, one
/// that carries what preflight requests carry is judged by that, and else by its method alone.
pub fn cross_origin(method: &Method, headers: &HeaderMap) -> Option<CorsRequest> {
    if method == Method::OPTIONS {
        return None;
    }
    let named = joined(headers, REQUEST_METHOD);
    Some(CorsRequest {
        origin: origin(headers)?,
        method: CorsMethod::named(named.as_deref().unwrap_or(method.as_str())),
        headers: requested_headers(headers),
    })
}

fn origin(headers: &HeaderMap) -> Option<String> {
    joined(headers, "origin").filter(|origin| !origin.is_empty())
}

fn requested_headers(headers: &HeaderMap) -> Vec<String> {
    let listed = joined(headers, "access-control-request-headers").unwrap_or_default();
    let names = listed.split(',').map(|name| name.trim().to_ascii_lowercase());
    names.filter(|name| !name.is_empty()).collect()
}

fn invalid_method(name: &str) -> S3Error {
    let message = format!("Invalid Access-Control-Request-Method: {name}");
    S3Error::message(ErrorCode::BadRequest, message)
}

/// The refusal of a preflight request for what `route` names.
pub fn refused_preflight(request: &CorsRequest, route: &Route, why: Refusal) -> S3Error {
    let message = match why {
        Refusal::NoBucket => "CORSResponse: Bucket not found",
        Refusal::Off => "CORSResponse: CORS is not enabled for this bucket.",
        // It is a rule that is asked for, and no rule is one for no method.
        Refusal::NoRule if request.method.is_none() => return invalid_method("null"),
        Refusal::NoRule => {
            "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request \
             method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the \
             resource's CORS spec."
        }
    };
    // S3 looks at the key only once there are rules.
    let resource = match (&route.bucket, &route.key) {
        (None, _) => "SERVICE",
        (Some(_), Some(_)) if why == Refusal::NoRule => "OBJECT",
        _ => "BUCKET",
    };
    S3Error::message(ErrorCode::AccessForbidden, message)
        .with("Method", request.method.map_or("OPTIONS", CorsMethod::as_str))
        .with("ResourceType", resource)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BucketName, ObjectKey, Operation};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_preflight_request_says_who_wants_to_send_what() {
        let asked = preflight(&headers(&[
            ("origin", "https://a.example"),
            (REQUEST_METHOD, "PUT"),
            ("access-control-request-headers", "X-Amz-Date,content-type , ,"),
            ("access-control-request-headers", "a"),
        ]))
        .unwrap();
        assert_eq!(asked.origin, "https://a.example");
        assert_eq!(asked.method, Some(CorsMethod::Put));
        assert_eq!(asked.headers, ["x-amz-date", "content-type", "a"]);
        let without = preflight(&headers(&[("origin", "null")])).unwrap();
        assert_eq!((without.method, without.headers.len()), (None, 0));
        for (sent, message) in [
            (vec![], "Insufficient information. Origin request header needed."),
            (
                vec![("origin", "")],
                "Insufficient information. Origin request header needed.",
            ),
            (
                vec![("origin", "a"), (REQUEST_METHOD, "PATCH")],
                "Invalid Access-Control-Request-Method: PATCH",
            ),
            (
                vec![("origin", "a"), (REQUEST_METHOD, "put")],
                "Invalid Access-Control-Request-Method: put",
            ),
        ] {
            let error = preflight(&headers(&sent)).unwrap_err();
            assert_eq!(
                (error.code, error.message.as_ref()),
                (ErrorCode::BadRequest, message)
            );
        }
    }

    #[test]
    fn another_request_is_judged_by_its_method_unless_it_names_one() {
        let origin = ("origin", "https://a.example");
        let method =
            |method: Method, sent: &[_]| cross_origin(&method, &headers(sent)).map(|found| found.method);
        assert_eq!(method(Method::GET, &[origin]), Some(Some(CorsMethod::Get)));
        assert_eq!(method(Method::PATCH, &[origin]), Some(None));
        assert_eq!(method(Method::GET, &[]), None);
        assert_eq!(method(Method::OPTIONS, &[origin]), None);
        let named = [origin, (REQUEST_METHOD, "PUT")];
        assert_eq!(method(Method::GET, &named), Some(Some(CorsMethod::Put)));
        let asks = headers(&[origin, ("access-control-request-headers", "A")]);
        assert_eq!(cross_origin(&Method::GET, &asks).unwrap().headers, ["a"]);
    }

    #[test]
    fn a_refusal_names_the_method_and_what_it_is_about() {
        let route = |bucket: bool, key: bool| Route {
            operation: Operation::PreflightRequest,
            bucket: bucket.then(|| BucketName::new("abc").unwrap()),
            key: key.then(|| ObjectKey::new("k".to_owned()).unwrap()),
        };
        let mut request = preflight(&headers(&[("origin", "a"), (REQUEST_METHOD, "PUT")])).unwrap();
        for (route, why, resource) in [
            (route(false, false), Refusal::Off, "SERVICE"),
            (route(true, true), Refusal::Off, "BUCKET"),
            (route(true, true), Refusal::NoBucket, "BUCKET"),
            (route(true, false), Refusal::NoRule, "BUCKET"),
            (route(true, true), Refusal::NoRule, "OBJECT"),
        ] {
            let error = refused_preflight(&request, &route, why);
            assert_eq!(error.code, ErrorCode::AccessForbidden);
            let fields = [
                ("Method", "PUT".to_owned()),
                ("ResourceType", resource.to_owned()),
            ];
            assert_eq!(error.fields, fields, "{why:?}");
        }
        request.method = None;
        let error = refused_preflight(&request, &route(true, true), Refusal::Off);
        assert_eq!(error.fields[0], ("Method", "OPTIONS".to_owned()));
        let error = refused_preflight(&request, &route(true, true), Refusal::NoRule);
        assert_eq!(error.code, ErrorCode::BadRequest);
        assert_eq!(error.message, "Invalid Access-Control-Request-Method: null");
    }
}
