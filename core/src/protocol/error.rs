//! Errors on the wire. <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>

use super::xml::bare_document;
use crate::model::S3Error;

/// The `Content-Type` of S3's XML.
pub const CONTENT_TYPE: &str = "application/xml";

/// The body that tells a client about `error`.
pub fn error_document(error: &S3Error, request_id: &str, host_id: &str) -> Vec<u8> {
    bare_document("Error", |w| {
        w.text("Code", error.code);
        w.text("Message", &error.message);
        for (name, value) in &error.fields {
            w.text(name, value);
        }
        w.text("RequestId", request_id);
        w.text("HostId", host_id);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ErrorCode;

    #[test]
    fn an_error_has_its_fields_after_the_message() {
        let error = S3Error::new(ErrorCode::NoSuchKey).with("Key", "a<b");
        let xml = error_document(&error, "R1", "H1");
        assert_eq!(
            String::from_utf8(xml).unwrap(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code>\
             <Message>The specified key does not exist.</Message><Key>a&lt;b</Key>\
             <RequestId>R1</RequestId><HostId>H1</HostId></Error>"
        );
    }
}
