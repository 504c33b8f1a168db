//! Who is at the other end: how many connections each client has, and which client a proxy speaks for.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use bleepstore_core::served::Client;
use http::HeaderMap;
use tokio::sync::OwnedSemaphorePermit;

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// How many proxies a request may have passed that are looked at.
const MOST_HOPS: usize = 32;

/// A range of addresses, such as `10.0.0.0/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= u32::from(self.bits)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differing = own.to_bits() ^ other.to_bits();
                differing.leading_zeros() >= u32::from(self.bits)
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().map_err(drop)?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(drop)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Self { address, bits }).ok_or(())
    }
}

/// What stands before the server on its platform.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Front {
    /// Nothing: a peer is a client, or a proxy that the operator names.
    #[default]
    None,
    /// A front end that speaks TLS with clients and appends a client's address to `X-Forwarded-For`.
    Naming,
    /// A front end that speaks TLS with clients. Nothing is known of how it names them.
    Silent,
}

impl FromStr for Front {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self::None),
            "naming" => Ok(Self::Naming),
            "silent" => Ok(Self::Silent),
            _ => Err("expected none, naming or silent"),
        }
    }
}

/// The proxies whose word about their clients is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

/// A setting that names no ranges of addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidProxies(String);

impl fmt::Display for InvalidProxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is neither an address nor a range such as 10.0.0.0/8",
            self.0
        )
    }
}

impl std::error::Error for InvalidProxies {}

impl FromStr for TrustedProxies {
    type Err = InvalidProxies;

    /// Ranges with commas between.
    fn from_str(text: &str) -> Result<Self, InvalidProxies> {
        let ranges = text.split(',').map(str::trim).filter(|range| !range.is_empty());
        let read = |range: &str| range.parse().map_err(|()| InvalidProxies(range.to_owned()));
        ranges.map(read).collect::<Result<_, _>>().map(Self)
    }
}

impl TrustedProxies {
    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Who sent a request that came from `peer`: the last address in `X-Forwarded-For` that is no trusted proxy's,
    /// where the request came through such proxies alone. A platform's front end is one, where it is known to name
    /// its client there.
    pub(crate) fn client(&self, front: Front, peer: IpAddr, headers: &HeaderMap) -> Client {
        let peer = peer.to_canonical();
        let mut client = peer;
        let trusts = |hop: IpAddr| self.contains(hop) || (front == Front::Naming && hop == peer);
        for hop in from_the_right(headers, FORWARDED_FOR).take(MOST_HOPS) {
            if !trusts(client) {
                break;
            }
            let Some(address) = address(hop) else {
                break;
            };
            client = address;
        }
        let proxy = (client != peer).then_some(peer);
        let is_https = |protocol: &str| protocol.eq_ignore_ascii_case("https");
        Client {
            address: client,
            proxy,
            certain: front == Front::None || proxy.is_some(),
            encrypted: Some(match front {
                Front::Naming | Front::Silent => true,
                Front::None if self.contains(peer) => from_the_right(headers, FORWARDED_PROTO)
                    .next()
                    .is_some_and(is_https),
                Front::None => false,
            }),
        }
    }
}

/// What a header lists, its last entry first: each proxy appends to what the one before it said.
fn from_the_right<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(name).iter().rev();
    let lines = lines.map(|value| value.to_str().unwrap_or_default());
    lines.flat_map(|line| line.rsplit(',')).map(str::trim)
}

/// An address, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse::<SocketAddr>().ok().map(|found| found.ip());
    text.parse()
        .ok()
        .or_else(with_port)
        .map(|found: IpAddr| found.to_canonical())
}

/// How many connections each client has.
#[derive(Debug)]
pub(crate) struct Clients {
    most: usize,
    open: Mutex<HashMap<IpAddr, usize>>,
}

impl Clients {
    pub(crate) fn new(most: Option<usize>) -> Self {
        Self {
            most: most.unwrap_or(usize::MAX),
            open: Mutex::default(),
        }
    }

    /// A place for one more connection of `peer`, unless it has as many as it may.
    pub(crate) fn enter(self: &Arc<Self>, peer: IpAddr, total: OwnedSemaphorePermit) -> Option<Place> {
        let client = counted_as(peer);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(client).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Place {
            clients: self.clone(),
            client,
            _total: total,
        })
    }
}

/// Whoever has one address of IPv6 has its network's others too.
fn counted_as(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

/// The place of a connection, among all and among its client's, until this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    clients: Arc<Clients>,
    client: IpAddr,
    _total: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.clients.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use http::HeaderValue;
    use tokio::sync::Semaphore;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_range_holds_its_addresses_and_no_others() {
        let proxies: TrustedProxies = "10.1.0.0/16, ::1,fd00::/8 ,192.0.2.7".parse().unwrap();
        for inside in ["10.1.0.0", "10.1.255.255", "::1", "fdff::1", "192.0.2.7"] {
            assert!(proxies.contains(ip(inside)), "{inside}");
        }
        for outside in ["10.2.0.0", "::2", "fe00::1", "192.0.2.6", "0.0.0.1"] {
            assert!(!proxies.contains(ip(outside)), "{outside}");
        }
        let all: TrustedProxies = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains(ip("255.0.0.1")) && !all.contains(ip("::1")));
        assert_eq!("".parse(), Ok(TrustedProxies::default()));
        for wrong in [
            "10.0.0.0/33",
            "::/129",
            "10.0.0",
            "proxy.example",
            "10.0.0.0/",
            "/8",
        ] {
            let error = wrong.parse::<TrustedProxies>().unwrap_err();
            assert!(error.to_string().starts_with(wrong), "{error}");
        }
    }

    #[test]
    fn the_word_of_a_trusted_proxy_is_taken_and_of_nobody_else() {
        let proxies: TrustedProxies = "10.0.0.0/8,::1".parse().unwrap();
        let client = |peer: &str, lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED_FOR, HeaderValue::from_static(line));
            }
            let Client { address, proxy, .. } = proxies.client(Front::None, ip(peer), &headers);
            (address.to_string(), proxy.map(|proxy| proxy.to_string()))
        };
        let direct = |address: &str| (address.to_owned(), None);
        let by = |address: &str, proxy: &str| (address.to_owned(), Some(proxy.to_owned()));
        assert_eq!(client("192.0.2.1", &[]), direct("192.0.2.1"));
        assert_eq!(client("192.0.2.1", &["198.51.100.1"]), direct("192.0.2.1"));
        assert_eq!(client("10.0.0.1", &[]), direct("10.0.0.1"));
        assert_eq!(
            client("10.0.0.1", &["198.51.100.1"]),
            by("198.51.100.1", "10.0.0.1")
        );
        // What the client itself sent comes first, and is not believed.
        assert_eq!(
            client("::1", &["203.0.113.9, 198.51.100.1", "10.0.0.2"]),
            by("198.51.100.1", "::1")
        );
        assert_eq!(
            client("10.0.0.1", &["198.51.100.1:4711"]),
            by("198.51.100.1", "10.0.0.1")
        );
        assert_eq!(
            client("10.0.0.1", &["[2001:db8::1]:80"]),
            by("2001:db8::1", "10.0.0.1")
        );
        assert_eq!(
            client("::ffff:10.0.0.1", &["198.51.100.1"]),
            by("198.51.100.1", "10.0.0.1")
        );
        assert_eq!(client("10.0.0.1", &["198.51.100.1, unknown"]), direct("10.0.0.1"));
    }

    #[test]
    fn policies_see_an_address_and_tls_only_where_they_are_known() {
        let proxies: TrustedProxies = "10.0.0.0/8".parse().unwrap();
        let of = |front: Front, peer: &str, protocol: &'static str| {
            let mut headers = HeaderMap::new();
            headers.append(
                FORWARDED_FOR,
                HeaderValue::from_static("203.0.113.9, 198.51.100.1"),
            );
            headers.append(FORWARDED_PROTO, HeaderValue::from_static(protocol));
            let client = proxies.client(front, ip(peer), &headers);
            (client.address.to_string(), client.certain, client.encrypted)
        };
        let client = |address: &str, certain, encrypted| (address.to_owned(), certain, Some(encrypted));
        // Whoever is no trusted proxy says nothing about itself.
        let direct = of(Front::None, "192.0.2.1", "https");
        assert_eq!(direct, client("192.0.2.1", true, false));
        let proxied = of(Front::None, "10.0.0.1", "http, https");
        assert_eq!(proxied, client("198.51.100.1", true, true));
        let proxied = of(Front::None, "10.0.0.1", "https, http");
        assert_eq!(proxied, client("198.51.100.1", true, false));
        let fronted = of(Front::Naming, "169.254.1.1", "http");
        assert_eq!(fronted, client("198.51.100.1", true, true));
        let fronted = of(Front::Silent, "169.254.1.1", "http");
        assert_eq!(fronted, client("169.254.1.1", false, true));
    }

    #[tokio::test]
    async fn a_client_has_so_many_places_and_gets_them_back() {
        let all = Arc::new(Semaphore::new(100));
        let clients = Arc::new(Clients::new(Some(2)));
        let enter = |address: &str| clients.enter(ip(address), all.clone().try_acquire_owned().unwrap());
        let (first, second) = (enter("192.0.2.1"), enter("192.0.2.1"));
        assert!(first.is_some() && second.is_some());
        assert!(enter("192.0.2.1").is_none() && enter("::ffff:192.0.2.1").is_none());
        let others = [enter("192.0.2.2"), enter("2001:db8::1"), enter("2001:db8::2")];
        assert!(others.iter().all(Option::is_some));
        assert!(enter("2001:db8::3").is_none() && enter("2001:db8:0:1::3").is_some());
        drop(first);
        assert!(enter("192.0.2.1").is_some());
        drop((second, others));
        assert!(clients.open.lock().unwrap().is_empty());
        assert_eq!(all.available_permits(), 100);
    }
}
