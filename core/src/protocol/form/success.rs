//! What a form asks to be answered.

use http::{StatusCode, Uri};

use super::fields::Fields;
use crate::model::{BucketName, ETag, ObjectKey};
use crate::protocol::percent;

/// The answer to a form whose file was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Success {
    /// The status where the client is not sent elsewhere: 200, 201 or 204.
    pub status: StatusCode,
    redirect: Option<String>,
}

impl Success {
    /// Reads `success_action_status` and `success_action_redirect`, which was called `redirect` once. Another status
    /// counts as 204, and what is no URL of the Web as none. A form that nobody signed sends nobody elsewhere.
    pub fn read(fields: &Fields, is_signed: bool) -> Self {
        let status = match fields.get("success_action_status") {
            Some("200") => StatusCode::OK,
            Some("201") => StatusCode::CREATED,
            _ => StatusCode::NO_CONTENT,
        };
        let named = fields.get("success_action_redirect");
        let named = named.or_else(|| fields.get("redirect"));
        let redirect = named.filter(|url| is_signed && is_url(url)).map(str::to_owned);
        Self { status, redirect }
    }

    /// Where the client is sent, with what was stored in the query.
    pub fn redirect(&self, bucket: &BucketName, key: &ObjectKey, etag: &ETag) -> Option<String> {
        let url = self.redirect.as_ref()?;
        let (url, fragment) = match url.split_once('#') {
            Some((url, fragment)) => (url, format!("#{fragment}")),
            None => (url.as_str(), String::new()),
        };
        let separator = if url.contains('?') { '&' } else { '?' };
        Some(format!(
            "{url}{separator}bucket={bucket}&key={}&etag={}{fragment}",
            percent::encode(key.as_str()),
            percent::encode(etag.to_string())
        ))
    }
}

fn is_url(text: &str) -> bool {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    let Some(uri) = text.parse::<Uri>().ok().filter(|_| is_plain) else {
        return false;
    };
    let host = uri.host().unwrap_or_default();
    matches!(uri.scheme_str(), Some("http" | "https")) && !host.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn success(pairs: &[(&str, &str)], is_signed: bool) -> (u16, Option<String>) {
        let mut fields = Fields::default();
        for (name, value) in pairs {
            fields.add((*name).to_owned(), value.as_bytes()).unwrap();
        }
        let success = Success::read(&fields, is_signed);
        let (bucket, key) = (BucketName::new("abc").unwrap(), ObjectKey::new("a b/é").unwrap());
        let to = success.redirect(&bucket, &key, &ETag::from_md5([0; 16]));
        (success.status.as_u16(), to)
    }

    #[test]
    fn three_statuses_are_answered_as_asked_for() {
        for (asked, status) in [("200", 200), ("201", 201), ("204", 204), ("404", 204), ("", 204)] {
            assert_eq!(success(&[("success_action_status", asked)], true).0, status);
        }
        assert_eq!(success(&[], true), (204, None));
    }

    #[test]
    fn a_client_is_sent_to_a_url_of_the_web_with_what_was_stored() {
        const STORED: &str = "bucket=abc&key=a%20b%2F%C3%A9&etag=%2200000000000000000000000000000000%22";
        for (url, before, after) in [
            ("https://example.com/done", "https://example.com/done?", ""),
            ("http://example.com/?a=b", "http://example.com/?a=b&", ""),
            ("http://example.com/a#there", "http://example.com/a?", "#there"),
        ] {
            let to = Some(format!("{before}{STORED}{after}"));
            assert_eq!(success(&[("success_action_redirect", url)], true).1, to);
            assert_eq!(success(&[("redirect", url)], true).1, to);
            assert_eq!(success(&[("redirect", url)], false).1, None);
        }
    }

    #[test]
    fn what_is_no_url_is_ignored() {
        for url in [
            "",
            "done.html",
            "/done",
            "ftp://example.com/",
            "javascript:alert(1)",
            "http://a b/",
            "http:///a",
            "http://e.com/\r\nx: y",
        ] {
            assert_eq!(
                success(&[("success_action_redirect", url)], true).1,
                None,
                "{url}"
            );
        }
    }
}
