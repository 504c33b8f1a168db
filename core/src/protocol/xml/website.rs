//! Configurations of websites in XML. <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketWebsite.html>

use super::reader::{Reader, malformed, read_document};
use super::{Writer, document};
use crate::model::{
    ErrorCode, NewKey, ObjectKey, OtherHost, Pages, RoutingCondition, RoutingRedirect, RoutingRule, S3Error,
    WebProtocol, WebsiteConfiguration, WebsiteParts,
};

/// More than 50 rules have, so that one rule too many is refused as that.
const MAX_ELEMENTS: usize = 4_096;

/// Reads the body of PutBucketWebsite. `MalformedXML` where it is none, `InvalidArgument` and `InvalidRequest` where it
/// says what S3 does not take.
pub fn read_website(xml: &[u8]) -> Result<WebsiteConfiguration, S3Error> {
    let parts = read_document(xml, "WebsiteConfiguration", MAX_ELEMENTS, |reader| {
        let mut parts = WebsiteParts::default();
        while let Some(name) = reader.next_child()? {
            match name.as_str() {
                "RedirectAllRequestsTo" => once(&mut parts.elsewhere, read_elsewhere(reader)?)?,
                "IndexDocument" => once(&mut parts.index, read_only(reader, "Suffix")?)?,
                "ErrorDocument" => once(&mut parts.error, read_error_document(reader)?)?,
                "RoutingRules" => once(&mut parts.rules, read_rules(reader)?)?,
                _ => return Err(malformed()),
            }
        }
        Ok(parts)
    })?;
    WebsiteConfiguration::new(parts)
}

/// Notes what an element says, which may stand there once.
fn once<T>(place: &mut Option<T>, value: T) -> Result<(), S3Error> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(malformed()),
    }
}

/// The text of the one element in the one that is open.
fn read_only(reader: &mut Reader<'_>, element: &str) -> Result<String, S3Error> {
    let mut text = None;
    while let Some(name) = reader.next_child()? {
        if name != element {
            return Err(malformed());
        }
        once(&mut text, reader.text()?)?;
    }
    text.ok_or_else(malformed)
}

fn read_error_document(reader: &mut Reader<'_>) -> Result<ObjectKey, S3Error> {
    let key = read_only(reader, "Key")?;
    match key.is_empty() {
        true => Err(malformed()),
        false => ObjectKey::new(key),
    }
}

fn read_elsewhere(reader: &mut Reader<'_>) -> Result<OtherHost, S3Error> {
    let (mut host, mut protocol) = (None, None);
    while let Some(name) = reader.next_child()? {
        match name.as_str() {
            "HostName" => once(&mut host, reader.text()?)?,
            "Protocol" => once(&mut protocol, WebProtocol::named(&reader.text()?)?)?,
            _ => return Err(malformed()),
        }
    }
    Ok(OtherHost {
        host: host.ok_or_else(malformed)?,
        protocol,
    })
}

fn read_rules(reader: &mut Reader<'_>) -> Result<Vec<RoutingRule>, S3Error> {
    let mut rules = Vec::new();
    while let Some(name) = reader.next_child()? {
        if name != "RoutingRule" {
            return Err(malformed());
        }
        rules.push(read_rule(reader)?);
    }
    Ok(rules)
}

fn read_rule(reader: &mut Reader<'_>) -> Result<RoutingRule, S3Error> {
    let (mut condition, mut redirect) = (None, None);
    while let Some(name) = reader.next_child()? {
        match name.as_str() {
            "Condition" => once(&mut condition, read_condition(reader)?)?,
            "Redirect" => once(&mut redirect, read_redirect(reader)?)?,
            _ => return Err(malformed()),
        }
    }
    Ok(RoutingRule {
        condition,
        redirect: redirect.ok_or_else(malformed)?,
    })
}

fn read_condition(reader: &mut Reader<'_>) -> Result<RoutingCondition, S3Error> {
    let mut condition = RoutingCondition::default();
    while let Some(name) = reader.next_child()? {
        match name.as_str() {
            "KeyPrefixEquals" => once(&mut condition.key_prefix, reader.text()?)?,
            "HttpErrorCodeReturnedEquals" => once(&mut condition.error, read_status(reader)?)?,
            _ => return Err(malformed()),
        }
    }
    Ok(condition)
}

fn read_redirect(reader: &mut Reader<'_>) -> Result<RoutingRedirect, S3Error> {
    let mut redirect = RoutingRedirect::default();
    while let Some(name) = reader.next_child()? {
        match name.as_str() {
            "HostName" => once(&mut redirect.host, reader.text()?)?,
            "HttpRedirectCode" => once(&mut redirect.status, read_status(reader)?)?,
            "Protocol" => once(&mut redirect.protocol, WebProtocol::named(&reader.text()?)?)?,
            "ReplaceKeyPrefixWith" => replace_key(&mut redirect, NewKey::Prefix(reader.text()?))?,
            "ReplaceKeyWith" => replace_key(&mut redirect, NewKey::Whole(reader.text()?))?,
            _ => return Err(malformed()),
        }
    }
    Ok(redirect)
}

fn replace_key(redirect: &mut RoutingRedirect, key: NewKey) -> Result<(), S3Error> {
    let is_prefix = |key: &NewKey| matches!(key, NewKey::Prefix(_));
    match redirect
        .key
        .as_ref()
        .map(|other| is_prefix(other) == is_prefix(&key))
    {
        Some(true) => return Err(malformed()),
        Some(false) => {
            return Err(S3Error::message(
                ErrorCode::InvalidRequest,
                "You can only define ReplaceKeyPrefix or ReplaceKey but not both.",
            ));
        }
        None => {}
    }
    redirect.key = Some(key);
    Ok(())
}

fn read_status(reader: &mut Reader<'_>) -> Result<u16, S3Error> {
    let text = reader.text()?;
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(malformed)
}

/// The configuration of a bucket that has one.
pub fn website(configuration: &WebsiteConfiguration) -> Vec<u8> {
    document("WebsiteConfiguration", |root| match configuration {
        WebsiteConfiguration::Elsewhere(host) => root.element("RedirectAllRequestsTo", |element| {
            element.text("HostName", &host.host);
            element.optional("Protocol", host.protocol.map(WebProtocol::as_str));
        }),
        WebsiteConfiguration::Pages(pages) => write_pages(root, pages),
    })
}

fn write_pages(root: &mut Writer, pages: &Pages) {
    root.element("IndexDocument", |element| element.text("Suffix", &pages.index));
    if let Some(key) = &pages.error {
        root.element("ErrorDocument", |element| element.text("Key", key));
    }
    if !pages.rules.is_empty() {
        root.element("RoutingRules", |element| {
            for rule in &pages.rules {
                element.element("RoutingRule", |element| write_rule(element, rule));
            }
        });
    }
}

fn write_rule(element: &mut Writer, rule: &RoutingRule) {
    if let Some(condition) = &rule.condition {
        element.element("Condition", |element| {
            element.optional("HttpErrorCodeReturnedEquals", condition.error);
            element.optional("KeyPrefixEquals", condition.key_prefix.as_ref());
        });
    }
    let redirect = &rule.redirect;
    element.element("Redirect", |element| {
        element.optional("HostName", redirect.host.as_ref());
        element.optional("HttpRedirectCode", redirect.status);
        element.optional("Protocol", redirect.protocol.map(WebProtocol::as_str));
        match &redirect.key {
            Some(NewKey::Prefix(prefix)) => element.text("ReplaceKeyPrefixWith", prefix),
            Some(NewKey::Whole(key)) => element.text("ReplaceKeyWith", key),
            None => {}
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "<IndexDocument><Suffix>index.html</Suffix></IndexDocument>";

    fn read(content: &str) -> Result<WebsiteConfiguration, (ErrorCode, String)> {
        let xml = format!("<WebsiteConfiguration>{content}</WebsiteConfiguration>");
        read_website(xml.as_bytes()).map_err(|error| (error.code, error.message.into_owned()))
    }

    fn with_rule(rule: &str) -> String {
        format!("{INDEX}<RoutingRules><RoutingRule>{rule}</RoutingRule></RoutingRules>")
    }

    #[test]
    fn a_configuration_is_read_as_it_is_written() {
        let rules = "<RoutingRules>\
            <RoutingRule><Condition><HttpErrorCodeReturnedEquals>404</HttpErrorCodeReturnedEquals>\
            <KeyPrefixEquals>a&amp;/</KeyPrefixEquals></Condition><Redirect><HostName>example.com</HostName>\
            <HttpRedirectCode>307</HttpRedirectCode><Protocol>https</Protocol>\
            <ReplaceKeyPrefixWith>#!/</ReplaceKeyPrefixWith></Redirect></RoutingRule>\
            <RoutingRule><Condition><KeyPrefixEquals/></Condition><Redirect><ReplaceKeyWith/></Redirect></RoutingRule>\
            <RoutingRule><Redirect><Protocol>http</Protocol></Redirect></RoutingRule></RoutingRules>";
        let error = "<ErrorDocument><Key>e/404.html</Key></ErrorDocument>";
        let elsewhere = "<RedirectAllRequestsTo><HostName>example.com</HostName>";
        let namespace = " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";
        for content in [
            INDEX.to_owned(),
            format!("{INDEX}{error}{rules}"),
            format!("{elsewhere}</RedirectAllRequestsTo>"),
            format!("{elsewhere}<Protocol>https</Protocol></RedirectAllRequestsTo>"),
        ] {
            let written = website(&read(&content).unwrap());
            let expected = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<WebsiteConfiguration{namespace}>{content}\
                 </WebsiteConfiguration>"
            );
            assert_eq!(String::from_utf8(written).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_no_configuration_is_malformed() {
        for wrong in [
            "<IndexDocument/>".to_owned(),
            format!("{INDEX}{INDEX}"),
            format!("{INDEX}<Colour>red</Colour>"),
            format!("{INDEX}<ErrorDocument/>"),
            format!("{INDEX}<ErrorDocument><Key/></ErrorDocument>"),
            format!("{INDEX}<RoutingRules/>"),
            format!("{INDEX}<RoutingRules><Rule/></RoutingRules>"),
            "<RedirectAllRequestsTo/>".to_owned(),
            "<RedirectAllRequestsTo><Protocol>http</Protocol></RedirectAllRequestsTo>".to_owned(),
            with_rule(""),
            with_rule("<Redirect/>"),
            with_rule("<Redirect><HttpRedirectCode>x</HttpRedirectCode></Redirect>"),
            with_rule("<Redirect><HttpRedirectCode>+301</HttpRedirectCode></Redirect>"),
            with_rule("<Redirect><Path>x</Path></Redirect>"),
            with_rule(
                "<Redirect><ReplaceKeyWith>a</ReplaceKeyWith><ReplaceKeyWith>b</ReplaceKeyWith></Redirect>",
            ),
            with_rule("<Condition><KeyPrefixEquals>a</KeyPrefixEquals></Condition>"),
        ] {
            assert_eq!(read(&wrong).unwrap_err().0, ErrorCode::MalformedXML, "{wrong}");
        }
        assert_eq!(
            read_website(b"").unwrap_err().code,
            ErrorCode::MissingRequestBodyError
        );
    }

    #[test]
    fn what_s3_does_not_take_is_named() {
        let (code, message) = read("").unwrap_err();
        assert_eq!(code, ErrorCode::InvalidArgument);
        assert!(
            message.starts_with("A value for IndexDocument Suffix must be provided"),
            "{message}"
        );
        for (content, expected) in [
            (
                with_rule(
                    "<Redirect><ReplaceKeyWith>a</ReplaceKeyWith><ReplaceKeyPrefixWith>b</ReplaceKeyPrefixWith>\
                     </Redirect>",
                ),
                "You can only define ReplaceKeyPrefix or ReplaceKey but not both.",
            ),
            (
                with_rule("<Redirect><Protocol>ftp</Protocol></Redirect>"),
                "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected \
                 automatically.",
            ),
            (
                with_rule("<Condition/><Redirect><HostName>h</HostName></Redirect>"),
                "Condition cannot be empty. To redirect all requests without a condition, the condition element \
                 shouldn't be present.",
            ),
        ] {
            assert_eq!(
                read(&content),
                Err((ErrorCode::InvalidRequest, expected.to_owned()))
            );
        }
    }
}
