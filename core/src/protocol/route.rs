//! Which operation a request asks for, of which bucket and key.

use http::Method;

use super::host::Addressing;
use super::percent::{decode, invalid_uri};
use super::query::Query;
use super::resource::{BUCKET, BUCKET_RESOURCES, OBJECT, OBJECT_RESOURCES, Resource, SERVICE};
use crate::model::{BucketName, ObjectKey, Operation, S3Error, VersionName};

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The operation.
    pub operation: Operation,
    /// The bucket, unless the operation is about the service.
    pub bucket: Option<BucketName>,
    /// The key, where the operation is about an object.
    pub key: Option<ObjectKey>,
}

/// Reads method, path and query. `raw_path` is the path as it was sent: it is decoded once, and `//`, `.`
/// and `..` in it are part of the key. `has_copy_source` says whether `x-amz-copy-source` was sent.
pub fn route(
    method: &Method,
    raw_path: &str,
    query: &Query,
    has_copy_source: bool,
    addressing: &Addressing,
) -> Result<Route, S3Error> {
    let path = below_root(raw_path)?;
    if matches!(addressing, Addressing::PathStyle) {
        match (path, method) {
            ("", _) => return service(method),
            ("WriteGetObjectResponse", &Method::POST) => {
                return Ok(of_service(Operation::WriteGetObjectResponse));
            }
            _ => {}
        }
    }
    let (bucket, key) = names(path, addressing)?;
    let operation = if key.is_none() {
        bucket_operation(method, query)?
    } else {
        object_operation(method, query, has_copy_source)?
    };
    // A preflight request has the query of the request that it is about, which is judged when it comes.
    if key.is_some()
        && operation != Operation::PreflightRequest
        && let Some(version) = query.get("versionId")
    {
        // What is not built is refused by name, or answered as if the request named none.
        if operation.is_built() && !operation.takes_version_id() {
            return Err(S3Error::invalid_argument(
                "This operation does not accept a version-id.",
                "versionId",
                version,
            ));
        }
        read_version_id(version, "versionId")?;
    }
    let bucket = Some(bucket);
    Ok(Route {
        operation,
        bucket,
        key,
    })
}

/// Reads a visit of a website, whose bucket the host names. The query of one means nothing.
pub fn visited(operation: Operation, raw_path: &str, bucket: String) -> Result<Route, S3Error> {
    let path = below_root(raw_path)?;
    let (bucket, key) = names(path, &Addressing::VirtualHosted(bucket))?;
    Ok(Route {
        operation,
        bucket: Some(bucket),
        key,
    })
}

/// Reads a version id that a client sent as that argument: `InvalidArgument` where it has no form of one. S3 tells ids
/// that it gave out from all others; here any of the form may be one of a version that is gone.
pub fn read_version_id(version: &str, argument: &'static str) -> Result<VersionName, S3Error> {
    let invalid = |message| S3Error::invalid_argument(message, argument, version);
    if version.is_empty() {
        return Err(invalid("Version id cannot be the empty string"));
    }
    version
        .parse()
        .map_err(|_| invalid("Invalid version id specified"))
}

fn below_root(raw_path: &str) -> Result<&str, S3Error> {
    match raw_path {
        "" => Ok(""),
        path => path.strip_prefix('/').ok_or_else(|| invalid_uri(raw_path)),
    }
}

/// Splits the path at its first `/`, before it is decoded, so that an encoded one stays in the name.
fn names(path: &str, addressing: &Addressing) -> Result<(BucketName, Option<ObjectKey>), S3Error> {
    let (bucket, key) = match addressing {
        Addressing::VirtualHosted(label) => (label.clone(), path),
        Addressing::PathStyle => {
            let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
            (decode(bucket)?, key)
        }
    };
    let key = match key {
        "" => None,
        key => Some(ObjectKey::new(decode(key)?)?),
    };
    Ok((BucketName::new(&bucket)?, key))
}

fn of_service(operation: Operation) -> Route {
    Route {
        operation,
        bucket: None,
        key: None,
    }
}

fn service(method: &Method) -> Result<Route, S3Error> {
    SERVICE.operation(method).map(of_service)
}

fn bucket_operation(method: &Method, query: &Query) -> Result<Operation, S3Error> {
    let resource = sub_resource(BUCKET_RESOURCES, query)?.unwrap_or(&BUCKET);
    let operation = resource.operation(method)?;
    Ok(match operation {
        Operation::ListObjects => return list_objects(query),
        // These four list unless they are asked for one configuration by its id.
        Operation::ListBucketAnalyticsConfigurations if query.has("id") => {
            Operation::GetBucketAnalyticsConfiguration
        }
        Operation::ListBucketIntelligentTieringConfigurations if query.has("id") => {
            Operation::GetBucketIntelligentTieringConfiguration
        }
        Operation::ListBucketInventoryConfigurations if query.has("id") => {
            Operation::GetBucketInventoryConfiguration
        }
        Operation::ListBucketMetricsConfigurations if query.has("id") => {
            Operation::GetBucketMetricsConfiguration
        }
        other => other,
    })
}

fn list_objects(query: &Query) -> Result<Operation, S3Error> {
    match query.get("list-type") {
        None | Some("" | "1") => Ok(Operation::ListObjects),
        Some("2") => Ok(Operation::ListObjectsV2),
        Some(other) => Err(S3Error::invalid_argument(
            "Invalid List Type specified in Request",
            "list-type",
            other,
        )),
    }
}

fn object_operation(method: &Method, query: &Query, has_copy_source: bool) -> Result<Operation, S3Error> {
    let resource = sub_resource(OBJECT_RESOURCES, query)?.unwrap_or(&OBJECT);
    let operation = resource.operation(method)?;
    let missing = |message, name| Err(S3Error::invalid_argument(message, name, ""));
    match operation {
        // Without a part number S3 knows no PUT of an upload.
        Operation::UploadPart if !query.has("partNumber") => Err(resource.not_allowed(method)),
        // A part must not become a whole object because its upload id was forgotten.
        Operation::PutObject if query.has("partNumber") => {
            missing("This operation requires an upload id", "uploadId")
        }
        Operation::UploadPart if has_copy_source => Ok(Operation::UploadPartCopy),
        Operation::PutObject if has_copy_source => Ok(Operation::CopyObject),
        Operation::GetObjectAnnotation if !query.has("annotationName") => {
            Ok(Operation::ListObjectAnnotations)
        }
        other => Ok(other),
    }
}

/// The sub-resource that the query names. Two of them contradict each other.
fn sub_resource<'a>(table: &'a [Resource], query: &Query) -> Result<Option<&'a Resource>, S3Error> {
    let mut named = table.iter().filter(|resource| query.has(resource.parameter));
    match (named.next(), named.next()) {
        (Some(one), Some(other)) => Err(S3Error::invalid_argument(
            format!(
                "Conflicting query string parameters: {}, {}",
                one.parameter, other.parameter
            ),
            "ResourceType",
            one.parameter,
        )),
        (resource, _) => Ok(resource),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::ErrorCode;

    fn path_style(method: &str, path: &str, query: &str) -> Result<Route, S3Error> {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        route(
            &method,
            path,
            &Query::parse(query).unwrap(),
            false,
            &Addressing::PathStyle,
        )
    }

    fn operation(method: &str, path: &str, query: &str) -> &'static str {
        path_style(method, path, query).map_or_else(|e| e.code.as_str(), |route| route.operation.name())
    }

    fn key_of(path: &str) -> String {
        path_style("GET", path, "").unwrap().key.unwrap().to_string()
    }

    #[test]
    fn every_built_operation_has_its_request() {
        for (method, path, query, name) in [
            ("GET", "/", "", "ListBuckets"),
            ("GET", "", "max-buckets=3&x-id=ListBuckets", "ListBuckets"),
            ("PUT", "/abc", "", "CreateBucket"),
            ("HEAD", "/abc", "", "HeadBucket"),
            ("DELETE", "/abc", "", "DeleteBucket"),
            ("GET", "/abc", "location", "GetBucketLocation"),
            ("GET", "/abc", "prefix=a", "ListObjects"),
            ("GET", "/abc/", "list-type=2", "ListObjectsV2"),
            ("GET", "/abc", "list-type=1", "ListObjects"),
            ("POST", "/abc", "", "PostObject"),
            ("POST", "/abc", "delete", "DeleteObjects"),
            ("GET", "/abc", "uploads", "ListMultipartUploads"),
            ("PUT", "/abc/k", "x-id=PutObject", "PutObject"),
            ("GET", "/abc/k", "partNumber=1", "GetObject"),
            ("HEAD", "/abc/k", "versionId=null", "HeadObject"),
            ("GET", "/abc/k", "attributes", "GetObjectAttributes"),
            ("PUT", "/abc/k", "renameObject", "RenameObject"),
            ("DELETE", "/abc/k", "", "DeleteObject"),
            ("POST", "/abc/k", "uploads=", "CreateMultipartUpload"),
            ("PUT", "/abc/k", "partNumber=1&uploadId=u", "UploadPart"),
            ("POST", "/abc/k", "uploadId=u", "CompleteMultipartUpload"),
            ("DELETE", "/abc/k", "uploadId=u", "AbortMultipartUpload"),
            ("GET", "/abc/k", "uploadId=u", "ListParts"),
            ("OPTIONS", "/abc/k", "", "PreflightRequest"),
            ("OPTIONS", "/abc/k", "versionId=none", "PreflightRequest"),
            ("OPTIONS", "/abc", "cors", "PreflightRequest"),
        ] {
            assert_eq!(operation(method, path, query), name);
        }
    }

    #[test]
    fn a_copy_source_makes_a_put_a_copy() {
        let copy = |query| {
            let query = Query::parse(query).unwrap();
            let route = route(&Method::PUT, "/abc/k", &query, true, &Addressing::PathStyle);
            route.unwrap().operation
        };
        assert_eq!(copy(""), Operation::CopyObject);
        assert_eq!(copy("partNumber=1&uploadId=u"), Operation::UploadPartCopy);
        assert_eq!(copy("tagging"), Operation::PutObjectTagging);
    }

    #[test]
    fn unbuilt_operations_are_recognised() {
        for (method, path, query, name) in [
            ("GET", "/abc", "policy", "GetBucketPolicy"),
            ("PUT", "/abc", "versioning", "PutBucketVersioning"),
            ("GET", "/abc", "versions", "ListObjectVersions"),
            ("GET", "/abc", "metrics", "ListBucketMetricsConfigurations"),
            ("GET", "/abc", "metrics&id=a", "GetBucketMetricsConfiguration"),
            ("GET", "/abc/k", "tagging", "GetObjectTagging"),
            ("POST", "/abc/k", "select&select-type=2", "SelectObjectContent"),
            ("PUT", "/abc/k", "encryption", "UpdateObjectEncryption"),
            ("POST", "/WriteGetObjectResponse", "", "WriteGetObjectResponse"),
        ] {
            assert_eq!(operation(method, path, query), name);
        }
    }

    #[test]
    fn a_key_is_the_path_decoded_once_and_otherwise_untouched() {
        assert_eq!(key_of("/abc//a/"), "/a/");
        assert_eq!(key_of("/abc/a%2Fb//../.%2e/c+d"), "a/b//../../c+d");
        assert_eq!(key_of("/abc/%2525"), "%25");
        assert_eq!(key_of("/abc/%C3%A9"), "é");
        assert_eq!(path_style("GET", "/abc/", "").unwrap().key, None);
    }

    #[test]
    fn a_virtual_hosted_request_has_only_the_key_in_its_path() {
        let host = Addressing::VirtualHosted("abc".to_owned());
        let query = Query::default();
        let to = |path| route(&Method::GET, path, &query, false, &host).unwrap();
        assert_eq!(to("/").operation, Operation::ListObjects);
        assert_eq!(to("/def/k").key.unwrap().as_str(), "def/k");
        assert_eq!(to("//").key.unwrap().as_str(), "/");
        assert_eq!(to("/def/k").bucket.unwrap().as_str(), "abc");
        let nobody = Addressing::VirtualHosted(String::new());
        let error = route(&Method::GET, "/k", &query, false, &nobody).unwrap_err();
        assert_eq!(error.code, ErrorCode::InvalidBucketName);
    }

    #[test]
    fn a_visit_names_a_key_or_the_root() {
        let to = |path| visited(Operation::GetObject, path, "abc".to_owned());
        for (path, key) in [
            ("/", None),
            ("", None),
            ("/a%20b/", Some("a b/")),
            ("//", Some("/")),
        ] {
            let route = to(path).unwrap();
            assert_eq!(route.key.as_ref().map(ObjectKey::as_str), key, "{path}");
            assert_eq!(route.bucket.unwrap().as_str(), "abc");
        }
        assert_eq!(to("*").unwrap_err().code, ErrorCode::InvalidURI);
        let nobody = visited(Operation::GetObject, "/", String::new()).unwrap_err();
        assert_eq!(nobody.code, ErrorCode::InvalidBucketName);
    }

    #[test]
    fn broken_names_have_s3s_errors() {
        let long = format!("/abc/{}", "a".repeat(1025));
        for (path, code) in [
            ("/abc/%ff", "InvalidURI"),
            ("/abc/%4", "InvalidURI"),
            ("*", "InvalidURI"),
            ("/a%2Fb/k", "InvalidBucketName"),
            ("//k", "InvalidBucketName"),
            ("/Abc", "InvalidBucketName"),
            (long.as_str(), "KeyTooLongError"),
        ] {
            assert_eq!(operation("GET", path, ""), code, "{path}");
        }
    }

    #[test]
    fn a_method_that_a_resource_does_not_have_is_told_the_others() {
        for (method, path, query, resource, allow) in [
            ("POST", "/", "", "SERVICE", "GET"),
            ("PATCH", "/abc", "", "BUCKET", "GET, HEAD, PUT, POST, DELETE"),
            ("POST", "/abc/k", "", "OBJECT", "GET, HEAD, PUT, DELETE"),
            ("DELETE", "/abc", "acl", "ACL", "GET, PUT"),
            ("HEAD", "/abc/k", "uploadId=u", "UPLOAD", "GET, PUT, POST, DELETE"),
        ] {
            let error = path_style(method, path, query).unwrap_err();
            assert_eq!(error.code, ErrorCode::MethodNotAllowed);
            assert_eq!(
                error.fields,
                [
                    ("Method", method.to_owned()),
                    ("ResourceType", resource.to_owned())
                ]
            );
            assert_eq!(error.headers, [("allow", allow.to_owned())]);
        }
    }

    #[test]
    fn only_the_null_version_exists() {
        let version = |id: &str| operation("GET", "/abc/k", &format!("versionId={id}"));
        assert_eq!(version("null"), "GetObject");
        for id in [
            "sXVbU1ECPMu6WZ2Jrx.IlTqHNnSEmrVA",
            "e05e8a3c-6a3b-4b0e-9ab0-3c9f5d2c1b7a",
            "short",
        ] {
            let error = read_version_id(id, "versionId").unwrap_err();
            assert_eq!(error.message, "Invalid version id specified");
            assert_eq!(version(id), "InvalidArgument");
        }
        assert_eq!(version(""), "InvalidArgument");
        assert_eq!(operation("PUT", "/abc/k", "versionId=null"), "InvalidArgument");
    }

    #[test]
    fn contradicting_sub_resources_are_refused() {
        let error = path_style("GET", "/abc", "policy&acl").unwrap_err();
        assert_eq!(error.message, "Conflicting query string parameters: acl, policy");
    }

    #[test]
    fn a_part_without_its_number_or_upload_is_refused() {
        let error = path_style("PUT", "/abc/k", "uploadId=u").unwrap_err();
        assert_eq!(error.code, ErrorCode::MethodNotAllowed);
        assert_eq!(error.headers, [("allow", "GET, POST, DELETE".to_owned())]);
        assert_eq!(operation("PUT", "/abc/k", "partNumber=1"), "InvalidArgument");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn no_request_line_panics(
            method in "[A-Z]{1,8}",
            path in "/?[a-z%/.+0-9é]{0,40}|\\PC{0,40}",
            query in "(acl|id|uploadId|partNumber|versionId|&|=|a){0,8}",
            label in "\\PC{0,10}",
            copy in any::<bool>(),
        ) {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let query = Query::parse(&query).unwrap();
            for addressing in [Addressing::PathStyle, Addressing::VirtualHosted(label.clone())] {
                if let Ok(route) = route(&method, &path, &query, copy, &addressing) {
                    prop_assert!(route.key.is_none() || route.bucket.is_some());
                }
            }
        }
    }
}
