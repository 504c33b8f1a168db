//! CORS configurations in XML. <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html>

use super::reader::{Reader, malformed, read_document};
use super::{Writer, document};
use crate::model::{CorsConfiguration, CorsMethod, CorsRule, ErrorCode, S3Error};

/// As many as 64 KiB have room for.
const MAX_ELEMENTS: usize = 4_096;

/// The largest age that S3 takes: it reads it into 32 bits with a sign.
const LONGEST_AGE: u32 = 0x7fff_ffff;

/// Reads the body of PutBucketCors. `MalformedXML` where it is none, `InvalidRequest` where a rule says what S3 does
/// not take.
pub fn read_cors(xml: &[u8]) -> Result<CorsConfiguration, S3Error> {
    let rules = read_document(xml, "CORSConfiguration", MAX_ELEMENTS, |reader| {
        let mut rules = Vec::new();
        while let Some(name) = reader.next_child()? {
            if name != "CORSRule" {
                return Err(malformed());
            }
            rules.push(read_rule(reader)?);
        }
        Ok(rules)
    })?;
    CorsConfiguration::new(rules)
}

fn read_rule(reader: &mut Reader<'_>) -> Result<CorsRule, S3Error> {
    let mut rule = CorsRule::default();
    let mut methods = Vec::new();
    while let Some(name) = reader.next_child()? {
        match name.as_str() {
            "ID" if rule.id.is_none() => rule.id = Some(reader.text()?),
            "AllowedHeader" => rule.allowed_headers.push(reader.text()?),
            "AllowedMethod" => methods.push(reader.text()?),
            "AllowedOrigin" => rule.allowed_origins.push(reader.text()?),
            "ExposeHeader" => rule.expose_headers.push(reader.text()?),
            "MaxAgeSeconds" if rule.max_age_seconds.is_none() => {
                let seconds = reader.text()?.parse().ok();
                let seconds = seconds.filter(|seconds| *seconds <= LONGEST_AGE);
                rule.max_age_seconds = Some(seconds.ok_or_else(malformed)?);
            }
            _ => return Err(malformed()),
        }
    }
    let methods = methods.iter().map(|method| read_method(method));
    rule.allowed_methods = methods.collect::<Result<_, _>>()?;
    Ok(rule)
}

fn read_method(name: &str) -> Result<CorsMethod, S3Error> {
    CorsMethod::named(name).ok_or_else(|| {
        S3Error::message(
            ErrorCode::InvalidRequest,
            format!("Found unsupported HTTP method in CORS config. Unsupported method is {name}"),
        )
    })
}

/// The configuration of a bucket that has one.
pub fn cors(configuration: &CorsConfiguration) -> Vec<u8> {
    document("CORSConfiguration", |root| {
        for rule in configuration.rules() {
            root.element("CORSRule", |element| write_rule(element, rule));
        }
    })
}

fn write_rule(element: &mut Writer, rule: &CorsRule) {
    let methods = rule.allowed_methods.iter().map(|method| method.as_str());
    element.optional("ID", rule.id.as_ref());
    for header in &rule.allowed_headers {
        element.text("AllowedHeader", header);
    }
    methods.for_each(|method| element.text("AllowedMethod", method));
    for origin in &rule.allowed_origins {
        element.text("AllowedOrigin", origin);
    }
    for header in &rule.expose_headers {
        element.text("ExposeHeader", header);
    }
    element.optional("MaxAgeSeconds", rule.max_age_seconds);
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "<AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin>";

    fn read(rules: &str) -> Result<CorsConfiguration, (ErrorCode, String)> {
        let xml = format!("<CORSConfiguration>{rules}</CORSConfiguration>");
        read_cors(xml.as_bytes()).map_err(|error| (error.code, error.message.into_owned()))
    }

    fn read_one(content: &str) -> Result<CorsRule, (ErrorCode, String)> {
        let configuration = read(&format!("<CORSRule>{content}</CORSRule>"))?;
        Ok(configuration.rules()[0].clone())
    }

    #[test]
    fn rules_are_read_as_they_are_written() {
        let whole = "<CORSRule><ID>a b</ID><AllowedHeader>x-AMZ-*</AllowedHeader><AllowedHeader>b</AllowedHeader>\
                     <AllowedMethod>PUT</AllowedMethod><AllowedMethod>HEAD</AllowedMethod>\
                     <AllowedOrigin>https://*.example</AllowedOrigin><AllowedOrigin/>\
                     <ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>3000</MaxAgeSeconds></CORSRule>";
        let rules = format!("{whole}<CORSRule>{LEAST}</CORSRule>");
        let written = cors(&read(&rules).unwrap());
        let namespace = " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";
        let expected = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CORSConfiguration{namespace}>{rules}</CORSConfiguration>"
        );
        assert_eq!(String::from_utf8(written.clone()).unwrap(), expected);
        assert_eq!(read_cors(&written).unwrap(), read(&rules).unwrap());
    }

    #[test]
    fn the_elements_of_a_rule_stand_in_any_order() {
        let rule = "<MaxAgeSeconds>0</MaxAgeSeconds><AllowedOrigin>*</AllowedOrigin><ID/>\
                    <AllowedMethod>DELETE</AllowedMethod><AllowedMethod>POST</AllowedMethod>";
        let rule = read_one(rule).unwrap();
        assert_eq!((rule.max_age_seconds, rule.id.as_deref()), (Some(0), Some("")));
        assert_eq!(rule.allowed_methods, [CorsMethod::Delete, CorsMethod::Post]);
    }

    #[test]
    fn what_is_no_rule_is_malformed() {
        for wrong in [
            "",
            "<CORSRule/>",
            "<Rule/>",
            "<CORSRule><AllowedMethod>GET</AllowedMethod></CORSRule>",
            "<CORSRule><AllowedOrigin>*</AllowedOrigin></CORSRule>",
        ] {
            assert_eq!(read(wrong).unwrap_err().0, ErrorCode::MalformedXML, "{wrong}");
        }
        for wrong in [
            "<ID>a</ID><ID>a</ID>",
            "<MaxAgeSeconds>1</MaxAgeSeconds><MaxAgeSeconds>1</MaxAgeSeconds>",
            "<MaxAgeSeconds/>",
            "<MaxAgeSeconds>a</MaxAgeSeconds>",
            "<MaxAgeSeconds>-1</MaxAgeSeconds>",
            "<MaxAgeSeconds>2147483648</MaxAgeSeconds>",
            "<AllowedColour>red</AllowedColour>",
            "<AllowedHeader><a/></AllowedHeader>",
        ] {
            let found = read_one(&format!("{LEAST}{wrong}"));
            assert_eq!(found.unwrap_err().0, ErrorCode::MalformedXML, "{wrong}");
        }
        let none = read_cors(b"").unwrap_err();
        assert_eq!(none.code, ErrorCode::MissingRequestBodyError);
    }

    #[test]
    fn a_method_that_no_rule_can_allow_is_named() {
        for method in ["OPTIONS", "get", "*", ""] {
            let rule = format!("<AllowedMethod>{method}</AllowedMethod>{LEAST}");
            let message =
                format!("Found unsupported HTTP method in CORS config. Unsupported method is {method}");
            assert_eq!(read_one(&rule), Err((ErrorCode::InvalidRequest, message)));
        }
    }

    #[test]
    fn as_many_elements_are_read_as_the_longest_body_has() {
        let headers = |count: usize| format!("{LEAST}{}", "<ExposeHeader/>".repeat(count));
        // The root, the rule and what it must have.
        assert!(read_one(&headers(4_092)).is_ok());
        assert_eq!(read_one(&headers(4_093)).unwrap_err().0, ErrorCode::MalformedXML);
    }
}
