//! Where the bucket's name stands: in the path or in the host.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html>

/// How a request names its bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// `endpoint/bucket/key`.
    PathStyle,
    /// `bucket.endpoint/key`: what stands before the base domain, in lower case, not yet checked.
    VirtualHosted(String),
}

impl Addressing {
    /// Reads the `Host` header. `base_domains` are in lower case and without ports; the longest that
    /// fits decides. A host under none of them is path-style.
    pub fn of(host: &str, base_domains: &[String]) -> Self {
        let host = bare(host);
        if base_domains.contains(&host) {
            return Self::PathStyle;
        }
        base_domains
            .iter()
            .filter_map(|domain| host.strip_suffix(domain.as_str())?.strip_suffix('.'))
            .min_by_key(|label| label.len())
            .map_or(Self::PathStyle, |label| Self::VirtualHosted(label.to_owned()))
    }
}

/// The bucket whose website a request is for: what stands before the website domain, in lower case, not yet checked.
/// Empty where nothing does, and `None` for a host below none of them.
pub fn website(host: &str, website_domains: &[String]) -> Option<String> {
    if website_domains.is_empty() {
        return None;
    }
    match Addressing::of(host, website_domains) {
        Addressing::VirtualHosted(label) => Some(label),
        Addressing::PathStyle => website_domains.contains(&bare(host)).then(String::new),
    }
}

/// The name of the host alone, in lower case.
fn bare(host: &str) -> String {
    let mut host = without_port(host.trim()).to_ascii_lowercase();
    if host.ends_with('.') {
        host.pop();
    }
    host
}

/// The host without `:port`. The colons of an IPv6 literal stand within its brackets.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(host: &str) -> Addressing {
        let domains = ["s3.example.com", "example.com", "localhost"].map(str::to_owned);
        Addressing::of(host, &domains)
    }

    fn virtual_hosted(label: &str) -> Addressing {
        Addressing::VirtualHosted(label.to_owned())
    }

    #[test]
    fn the_base_domain_itself_is_path_style() {
        for host in [
            "s3.example.com",
            "s3.example.com:9000",
            "LOCALHOST",
            "example.com.",
            "localhost.:80",
        ] {
            assert_eq!(of(host), Addressing::PathStyle, "{host}");
        }
    }

    #[test]
    fn an_address_or_an_unknown_host_is_path_style() {
        for host in [
            "127.0.0.1:9000",
            "[::1]:9000",
            "[::1]",
            "::1",
            "",
            ":",
            "other.net",
            "notexample.com",
        ] {
            assert_eq!(of(host), Addressing::PathStyle, "{host}");
        }
    }

    #[test]
    fn a_label_before_the_base_domain_is_the_bucket() {
        assert_eq!(of("photos.localhost:9000"), virtual_hosted("photos"));
        assert_eq!(of("Photos.S3.Example.com."), virtual_hosted("photos"));
        assert_eq!(
            of("my.dotted.bucket.s3.example.com"),
            virtual_hosted("my.dotted.bucket")
        );
    }

    #[test]
    fn the_longest_base_domain_decides() {
        assert_eq!(of("a.s3.example.com"), virtual_hosted("a"));
        assert_eq!(of("a.example.com"), virtual_hosted("a"));
    }

    #[test]
    fn a_website_has_the_host_of_its_bucket() {
        let domains = ["web.example.com".to_owned()];
        for (host, bucket) in [
            ("photos.web.example.com", Some("photos")),
            ("my.Dotted.web.Example.com.:80", Some("my.dotted")),
            ("web.example.com:80", Some("")),
            (".web.example.com", Some("")),
            ("photos.example.com", None),
            ("photosweb.example.com", None),
            ("", None),
        ] {
            assert_eq!(website(host, &domains).as_deref(), bucket, "{host}");
        }
        assert_eq!(website("photos.web.example.com", &[]), None);
    }

    #[test]
    fn an_empty_label_is_kept_for_the_router_to_refuse() {
        assert_eq!(of(".localhost"), virtual_hosted(""));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn no_host_panics(host in "\\PC{0,40}") {
            of(&host);
            of(&format!("{host}.localhost:1"));
        }
    }
}
