//! Where requests go, and who signs them.

use std::net::{SocketAddr, ToSocketAddrs};

/// An S3 endpoint over HTTP, and a credential for it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Where it listens.
    pub address: SocketAddr,
    /// What the `Host` header says.
    pub host: String,
    /// The region that is signed for.
    pub region: String,
    /// Who signs.
    pub access_key: String,
    /// With what.
    pub secret_key: String,
}

impl Endpoint {
    /// The endpoint of a server that was started here, on a port of loopback.
    pub fn local(port: u16) -> Self {
        Self {
            address: ([127, 0, 0, 1], port).into(),
            host: format!("127.0.0.1:{port}"),
            region: "us-east-1".to_owned(),
            access_key: "BENCHMARKACCESSKEY01".to_owned(),
            secret_key: "benchmark/secret+key/of/forty+characters".to_owned(),
        }
    }

    /// The address and the host of a URL such as `http://127.0.0.1:9000`.
    pub fn parse_url(url: &str) -> Result<(SocketAddr, String), String> {
        let host = url
            .strip_prefix("http://")
            .map(|host| host.trim_end_matches('/'))
            .filter(|host| !host.is_empty() && !host.contains('/'))
            .ok_or_else(|| format!("{url} is not of the form http://HOST:PORT"))?;
        let with_port = if host.contains(':') {
            host.to_owned()
        } else {
            format!("{host}:80")
        };
        let mut addresses = with_port
            .to_socket_addrs()
            .map_err(|error| format!("{host} cannot be found: {error}"))?;
        let address = addresses.next().ok_or_else(|| format!("{host} has no address"))?;
        Ok((address, host.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_host_and_a_port_over_http() {
        let (address, host) = Endpoint::parse_url("http://127.0.0.1:9000/").unwrap();
        assert_eq!(
            (address.to_string().as_str(), host.as_str()),
            ("127.0.0.1:9000", "127.0.0.1:9000")
        );
        for bad in [
            "127.0.0.1:9000",
            "https://127.0.0.1",
            "http://127.0.0.1/bucket",
            "http://",
        ] {
            assert!(Endpoint::parse_url(bad).is_err(), "{bad}");
        }
    }
}
