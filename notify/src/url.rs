//! The URL of a destination, taken apart. What is said of a wrong one repeats nothing that may be a secret.

use std::net::Ipv6Addr;

use percent_encoding::percent_decode_str;

/// A URL with one host or, for Kafka, several.
pub(crate) struct Url {
    pub(crate) scheme: String,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
    hosts: Vec<Host>,
    /// As it is written, with the slash that it begins with; empty where there is none.
    pub(crate) path: String,
    /// As it is written, without the question mark.
    pub(crate) query: Option<String>,
}

/// A host, in small letters and without the brackets of IPv6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) port: Option<u16>,
}

impl Host {
    fn parse(text: &str) -> Result<Self, String> {
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (name, port) = rest
                    .split_once(']')
                    .ok_or("a bracket of its host is not closed")?;
                let _: Ipv6Addr = name
                    .parse()
                    .map_err(|_| "what its host has in brackets is no IPv6 address")?;
                (name, port)
            }
            None => text.split_at(text.find(':').unwrap_or(text.len())),
        };
        let is_of_names = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
        if name.is_empty() || name.len() > 253 || !name.bytes().all(is_of_names) {
            return Err("it has no host, or one that is no name or address".to_owned());
        }
        let port = match port.strip_prefix(':') {
            Some(port) => Some(
                port.parse()
                    .ok()
                    .filter(|port| *port != 0)
                    .ok_or("its port is none")?,
            ),
            None if port.is_empty() => None,
            None => return Err("what follows its host is no port".to_owned()),
        };
        Ok(Self {
            name: name.to_ascii_lowercase(),
            port,
        })
    }

    /// As it stands in a URL.
    pub(crate) fn written(&self, port: u16) -> String {
        let port = self.port.unwrap_or(port);
        match self.name.contains(':') {
            true => format!("[{}]:{port}", self.name),
            false => format!("{}:{port}", self.name),
        }
    }
}

impl Url {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("its URL has spaces, or characters that must be percent-encoded".to_owned());
        }
        if text.contains('#') {
            return Err("its URL has a fragment; a # in a password is written %23".to_owned());
        }
        let (scheme, rest) = text
            .split_once("://")
            .ok_or("it is no URL with a scheme and a host")?;
        let (rest, query) = match rest.split_once('?') {
            Some((rest, query)) => (rest, Some(query.to_owned())),
            None => (rest, None),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, password, hosts) = match authority.rsplit_once('@') {
            None => (None, None, authority),
            Some((who, hosts)) => match who.split_once(':') {
                None => (Some(decoded(who)?), None, hosts),
                Some((user, password)) => (Some(decoded(user)?), Some(decoded(password)?), hosts),
            },
        };
        let hosts: Result<Vec<Host>, String> = hosts.split(',').map(Host::parse).collect();
        Ok(Self {
            scheme: scheme.to_ascii_lowercase(),
            user: user.filter(|user| !user.is_empty()),
            password,
            hosts: hosts?,
            path: path.to_owned(),
            query,
        })
    }

    pub(crate) fn host(&self) -> Result<Host, String> {
        match self.hosts.as_slice() {
            [host] => Ok(host.clone()),
            _ => Err("it has more than one host".to_owned()),
        }
    }

    pub(crate) fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The path without its first slash, decoded; `None` where it is empty.
    pub(crate) fn path(&self) -> Result<Option<String>, String> {
        let path = self.path.strip_prefix('/').unwrap_or_default();
        if path.contains('/') {
            return Err("its path has more than one part; a / in a name is written %2F".to_owned());
        }
        Ok(Some(decoded(path)?).filter(|path| !path.is_empty()))
    }

    /// The values of these parameters, of which there may be one each, and no others.
    pub(crate) fn parameters<const N: usize>(&self, names: [&str; N]) -> Result<[Option<String>; N], String> {
        let mut values = [const { None }; N];
        let pairs = self.query.as_deref().unwrap_or_default().split('&');
        for pair in pairs.filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let known = names.iter().zip(&mut values).find(|(known, _)| **known == name);
            let Some((known, slot)) = known else {
                return Err(format!(
                    "its URL has a parameter that is not known; there are {}",
                    names.join(", ")
                ));
            };
            if slot.replace(decoded(value)?).is_some() {
                return Err(format!("its URL has {known} twice"));
            }
        }
        Ok(values)
    }
}

fn decoded(text: &str) -> Result<String, String> {
    let text = percent_decode_str(text).decode_utf8();
    let text = text.map_err(|_| "its URL has percent-encoded bytes that are no UTF-8")?;
    match text.contains('\0') {
        true => Err("its URL has a zero byte".to_owned()),
        false => Ok(text.into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_its_parts() {
        let url = Url::parse("KAFKA://us%40er:p%3A%2Fw@One:1,[::1]:2,three/to.pic?a=%26&b").unwrap();
        assert_eq!(url.scheme, "kafka");
        assert_eq!(url.user.as_deref(), Some("us@er"));
        assert_eq!(url.password.as_deref(), Some("p:/w"));
        let hosts: Vec<String> = url.hosts().iter().map(|host| host.written(9)).collect();
        assert_eq!(hosts, ["one:1", "[::1]:2", "three:9"]);
        assert_eq!(url.path().unwrap().as_deref(), Some("to.pic"));
        let [b, a] = url.parameters(["b", "a"]).unwrap();
        assert_eq!((a.as_deref(), b.as_deref()), (Some("&"), Some("")));
        assert!(url.host().is_err());
        assert!(url.parameters(["a"]).unwrap_err().contains("not known"));
        assert_eq!(Url::parse("x://h").unwrap().path().unwrap(), None);
        assert_eq!(Url::parse("x://:pw@h/").unwrap().user, None);
    }

    #[test]
    fn what_is_no_url_is_refused_without_its_secrets() {
        for wrong in [
            "",
            "redis",
            "redis:/pw@h",
            "x://",
            "x://u:pw@",
            "x://u:pw@h:0",
            "x://u:pw@h:99999",
            "x://u:pw@h:",
            "x://u:pw@[::1",
            "x://u:pw@[pw]",
            "x://u:pw@h#pw",
            "x://u:pw @h",
            "x://u:p%ffw@h",
            "x://u:p%00w@h",
            "x://u:pw@h,",
            "x://u:pw@h\u{e9}",
            "x://u:pw@[::1]x",
        ] {
            let error = Url::parse(wrong).err().unwrap_or_else(|| panic!("{wrong}"));
            assert!(!error.contains("pw"), "{error}");
        }
        let url = Url::parse("x://h/a/b?a=1&a=2").unwrap();
        assert!(url.path().is_err());
        assert!(url.parameters(["a"]).unwrap_err().contains("twice"));
    }
}
