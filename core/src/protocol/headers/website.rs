//! Where visitors of a website are sent in place of seeing an object.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-to-page-redirect.html>

use http::{HeaderMap, HeaderName};

use super::joined;
use crate::model::{ErrorCode, S3Error};

const WEBSITE_REDIRECT: &str = "x-amz-website-redirect-location";

/// The same as a header of answers.
pub(super) const WEBSITE_REDIRECT_HEADER: HeaderName = HeaderName::from_static(WEBSITE_REDIRECT);

/// The longest, in bytes: as much as an object's own metadata may be.
const LONGEST: usize = 2_048;

/// Reads `x-amz-website-redirect-location`. `InvalidRedirectLocation` where it is no address.
pub(super) fn website_redirect(headers: &HeaderMap) -> Result<Option<String>, S3Error> {
    let Some(location) = joined(headers, WEBSITE_REDIRECT).filter(|location| !location.is_empty()) else {
        return Ok(None);
    };
    if !["/", "http://", "https://"]
        .iter()
        .any(|start| location.starts_with(start))
    {
        return Err(ErrorCode::InvalidRedirectLocation.into());
    }
    if location.len() > LONGEST {
        return Err(S3Error::message(
            ErrorCode::InvalidRedirectLocation,
            format!("The length of website redirect location cannot exceed {LONGEST} characters."),
        ));
    }
    Ok(Some(location))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::headers::header_map;

    fn read(location: &str) -> Result<Option<String>, ErrorCode> {
        website_redirect(&header_map(&[(WEBSITE_REDIRECT, location)])).map_err(|error| error.code)
    }

    #[test]
    fn a_location_is_a_path_or_an_address() {
        for location in ["/", "/b?c#d", "http://example.com/", "https://example.com"] {
            assert_eq!(read(location), Ok(Some(location.to_owned())));
        }
        assert_eq!(read(""), Ok(None));
        assert_eq!(website_redirect(&HeaderMap::new()).unwrap(), None);
        for wrong in ["b.html", "ftp://example.com", "http:/a", "HTTP://a", " /a"] {
            assert_eq!(read(wrong), Err(ErrorCode::InvalidRedirectLocation), "{wrong}");
        }
    }

    #[test]
    fn a_location_has_2048_bytes_at_most() {
        let location = |length: usize| format!("/{}", "a".repeat(length - 1));
        assert!(read(&location(LONGEST)).is_ok());
        assert_eq!(
            read(&location(LONGEST + 1)),
            Err(ErrorCode::InvalidRedirectLocation)
        );
    }
}
