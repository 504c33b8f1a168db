//! The versioning of a bucket in XML.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketVersioning.html>

use super::document;
use super::reader::{malformed, read_document};
use crate::model::{ErrorCode, S3Error, Versioning};

/// Reads the body of PutBucketVersioning. `NotImplemented` where it asks for deletions that need a second factor.
pub fn read_versioning(xml: &[u8]) -> Result<Versioning, S3Error> {
    const MAX_ELEMENTS: usize = 3;
    let (status, mfa_delete) = read_document(xml, "VersioningConfiguration", MAX_ELEMENTS, |reader| {
        let (mut status, mut mfa_delete) = (None, None);
        while let Some(name) = reader.next_child()? {
            let place = match name.as_str() {
                "Status" => &mut status,
                "MfaDelete" => &mut mfa_delete,
                _ => return Err(malformed()),
            };
            if place.replace(reader.text()?).is_some() {
                return Err(malformed());
            }
        }
        Ok((status, mfa_delete))
    })?;
    match mfa_delete.as_deref().unwrap_or_default() {
        "" | "Disabled" => {}
        "Enabled" => return Err(S3Error::not_implemented("MfaDelete")),
        _ => return Err(malformed()),
    }
    match status.as_deref().unwrap_or_default() {
        "Enabled" => Ok(Versioning::Enabled),
        "Suspended" => Ok(Versioning::Suspended),
        "" => Err(ErrorCode::IllegalVersioningConfigurationException.into()),
        _ => Err(malformed()),
    }
}

/// The versioning of a bucket; of one that never kept versions the document says nothing.
pub fn versioning_configuration(versioning: Option<Versioning>) -> Vec<u8> {
    document("VersioningConfiguration", |root| {
        root.optional("Status", versioning.map(Versioning::as_str));
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str) -> Result<Versioning, ErrorCode> {
        let xml = format!("<VersioningConfiguration>{content}</VersioningConfiguration>");
        read_versioning(xml.as_bytes()).map_err(|error| error.code)
    }

    #[test]
    fn a_bucket_keeps_versions_or_ceases_to() {
        for versioning in [Versioning::Enabled, Versioning::Suspended] {
            let xml = versioning_configuration(Some(versioning));
            assert_eq!(read_versioning(&xml).unwrap(), versioning);
        }
        let mfa = "<Status>Enabled</Status><MfaDelete>Disabled</MfaDelete>";
        assert_eq!(read(mfa), Ok(Versioning::Enabled));
        assert_eq!(
            read("<MfaDelete/><Status>Suspended</Status>"),
            Ok(Versioning::Suspended)
        );
    }

    #[test]
    fn what_says_nothing_or_something_else_is_refused_as_s3_does() {
        for (content, code) in [
            ("", ErrorCode::IllegalVersioningConfigurationException),
            ("<Status/>", ErrorCode::IllegalVersioningConfigurationException),
            ("<Status>enabled</Status>", ErrorCode::MalformedXML),
            ("<Status>Disabled</Status>", ErrorCode::MalformedXML),
            (
                "<Status>Enabled</Status><MfaDelete>disabled</MfaDelete>",
                ErrorCode::MalformedXML,
            ),
            (
                "<Status>Enabled</Status><Status>Enabled</Status>",
                ErrorCode::MalformedXML,
            ),
            ("<Status>Enabled</Status><State/>", ErrorCode::MalformedXML),
            (
                "<Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>",
                ErrorCode::NotImplemented,
            ),
        ] {
            assert_eq!(read(content), Err(code), "{content}");
        }
        let error = read_versioning(b"").unwrap_err();
        assert_eq!(error.code, ErrorCode::MissingRequestBodyError);
    }
}
