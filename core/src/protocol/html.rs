//! Errors of websites, which people read: pages in HTML, and headers for programs.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/CustomErrorDocSupport.html>

use std::fmt::Write;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::percent::encode_path;
use crate::model::{ErrorCode, S3Error};

/// The `Content-Type` of the pages.
pub const CONTENT_TYPE: &str = "text/html; charset=utf-8";

const ERROR_CODE: HeaderName = HeaderName::from_static("x-amz-error-code");
const ERROR_MESSAGE: HeaderName = HeaderName::from_static("x-amz-error-message");
const ERROR_KEY: HeaderName = HeaderName::from_static("x-amz-error-detail-key");

/// The page that tells a visitor about `error`, and about `second`, which the page of the website that should have done
/// so met.
pub fn error_page(error: &S3Error, second: Option<&S3Error>, request_id: &str, host_id: &str) -> Vec<u8> {
    let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let title = format!(
        "{} {}",
        status.as_str(),
        status.canonical_reason().unwrap_or_default()
    );
    let mut page = format!("<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<ul>\n");
    list(&mut page, error);
    item(&mut page, "RequestId", request_id);
    item(&mut page, "HostId", host_id);
    page.push_str("</ul>\n");
    if let Some(second) = second {
        page.push_str(
            "<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n<ul>\n",
        );
        list(&mut page, second);
        page.push_str("</ul>\n");
    }
    page.push_str("<hr/>\n</body>\n</html>\n");
    page.into_bytes()
}

fn list(page: &mut String, error: &S3Error) {
    item(page, "Code", error.code.as_str());
    item(page, "Message", &error.message);
    for (name, value) in &error.fields {
        item(page, name, value);
    }
}

fn item(page: &mut String, name: &str, value: &str) {
    // Writing to a string does not fail.
    if writeln!(page, "<li>{name}: {}</li>", escaped(value)).is_err() {
        tracing::error!("a page could not be written");
    }
}

/// The text as HTML shows it.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&#34;"),
            '\'' => escaped.push_str("&#39;"),
            character => escaped.push(character),
        }
    }
    escaped
}

/// Says in headers which error an answer is about. What no header can carry is percent-encoded.
pub fn insert_error_headers(error: &S3Error, headers: &mut HeaderMap) {
    let key = error.fields.iter().find(|(name, _)| *name == "Key");
    let key = key.filter(|_| error.code == ErrorCode::NoSuchKey);
    for (name, text) in [
        (ERROR_CODE, Some(error.code.as_str())),
        (ERROR_MESSAGE, Some(error.message.as_ref())),
        (ERROR_KEY, key.map(|(_, key)| key.as_str())),
    ] {
        let Some(text) = text else { continue };
        let value = HeaderValue::from_str(text).or_else(|_| HeaderValue::from_str(&encode_path(text)));
        if let Ok(value) = value {
            headers.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_lists_code_message_and_what_belongs_to_them() {
        let error = S3Error::new(ErrorCode::NoSuchKey).with("Key", "a");
        let page = String::from_utf8(error_page(&error, None, "R1", "H1")).unwrap();
        assert_eq!(
            page,
            "<html>\n<head><title>404 Not Found</title></head>\n<body>\n<h1>404 Not Found</h1>\n<ul>\n\
             <li>Code: NoSuchKey</li>\n<li>Message: The specified key does not exist.</li>\n<li>Key: a</li>\n\
             <li>RequestId: R1</li>\n<li>HostId: H1</li>\n</ul>\n<hr/>\n</body>\n</html>\n"
        );
    }

    #[test]
    fn a_page_says_why_the_page_for_errors_is_not_shown() {
        let error = S3Error::new(ErrorCode::NoSuchKey).with("Key", "a");
        let second = S3Error::new(ErrorCode::AccessDenied);
        let page = String::from_utf8(error_page(&error, Some(&second), "R1", "H1")).unwrap();
        assert!(
            page.contains(
                "</ul>\n<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n<ul>\n\
                 <li>Code: AccessDenied</li>\n<li>Message: Access Denied</li>\n</ul>\n<hr/>"
            ),
            "{page}"
        );
    }

    #[test]
    fn nothing_of_a_key_is_markup() {
        let error = S3Error::new(ErrorCode::NoSuchKey).with("Key", "<script>\"'&");
        let page = String::from_utf8(error_page(&error, None, "<", "H1")).unwrap();
        assert!(
            page.contains("<li>Key: &lt;script&gt;&#34;&#39;&amp;</li>"),
            "{page}"
        );
        assert!(page.contains("<li>RequestId: &lt;</li>"), "{page}");
    }

    #[test]
    fn headers_say_the_same_and_a_key_that_they_cannot_carry_is_encoded() {
        let headers = |key: &str| {
            let mut headers = HeaderMap::new();
            insert_error_headers(&S3Error::new(ErrorCode::NoSuchKey).with("Key", key), &mut headers);
            headers
        };
        let found = headers("a b/c");
        assert_eq!(found[ERROR_CODE], "NoSuchKey");
        assert_eq!(found[ERROR_MESSAGE], "The specified key does not exist.");
        assert_eq!(found[ERROR_KEY], "a b/c");
        assert_eq!(headers("a/\r\nb")[ERROR_KEY], "a/%0D%0Ab");
        let mut other = HeaderMap::new();
        insert_error_headers(&ErrorCode::AccessDenied.into(), &mut other);
        assert!(!other.contains_key(ERROR_KEY));
    }
}
