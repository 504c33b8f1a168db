//! Ranges of IP addresses.

use std::net::IpAddr;

/// A range of addresses, as CIDR writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    prefix: u32,
}

/// How many bits an address of IPv6 has before one of IPv4 that is written as one of IPv6.
const MAPPED: u32 = 96;

impl Network {
    /// `203.0.113.0/24`, `2001:db8::/32`, or one address. Bits after the prefix do not count.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix: u32 = match prefix {
            Some(prefix) if !prefix.is_empty() && prefix.bytes().all(|byte| byte.is_ascii_digit()) => {
                prefix.parse().ok().filter(|prefix| *prefix <= longest)?
            }
            Some(_) => return None,
            None => longest,
        };
        let canonical = address.to_canonical();
        Some(match prefix.checked_sub(MAPPED) {
            Some(prefix) if canonical != address => Self {
                address: canonical,
                prefix,
            },
            _ => Self { address, prefix },
        })
    }

    /// Whether the address lies in it. One of IPv4 that is written as one of IPv6 is the same address.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        let (different, width) = match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (u128::from(own.to_bits() ^ other.to_bits()), 32),
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits() ^ other.to_bits(), 128),
            _ => return false,
        };
        self.prefix == 0 || different >> (width - self.prefix) == 0
    }

    /// Whether so many addresses lie in it that AWS takes it for all the world: more than in a `/8` of IPv4, or in a
    /// `/32` of IPv6.
    pub(super) fn is_public(&self) -> bool {
        self.prefix < if self.address.is_ipv4() { 8 } else { 32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(network: &str, address: &str) -> bool {
        Network::parse(network)
            .unwrap()
            .contains(address.parse().unwrap())
    }

    #[test]
    fn a_network_is_all_addresses_with_its_prefix() {
        for (network, address) in [
            ("203.0.113.0/24", "203.0.113.255"),
            ("203.0.113.77/24", "203.0.113.1"),
            ("0.0.0.0/0", "255.255.255.255"),
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.0/31", "192.0.2.1"),
            ("2001:db8::/32", "2001:db8:ffff::1"),
            ("2001:db8::1", "2001:0db8:0::1"),
            ("::/0", "2001:db8::1"),
        ] {
            assert!(contains(network, address), "{network} {address}");
        }
        for (network, address) in [
            ("203.0.113.0/24", "203.0.114.0"),
            ("192.0.2.1", "192.0.2.2"),
            ("192.0.2.0/31", "192.0.2.2"),
            ("2001:db8::/32", "2001:db9::"),
            ("0.0.0.0/0", "2001:db8::1"),
            ("::/0", "192.0.2.1"),
            ("2001:db8::/32", "192.0.2.1"),
        ] {
            assert!(!contains(network, address), "{network} {address}");
        }
    }

    #[test]
    fn an_address_of_ipv4_is_the_same_when_it_is_written_as_one_of_ipv6() {
        assert!(contains("192.0.2.0/24", "::ffff:192.0.2.7"));
        assert!(contains("::ffff:192.0.2.0/120", "192.0.2.7"));
        assert!(!contains("192.0.2.0/24", "::ffff:192.0.3.7"));
        assert!(!contains("::ffff:192.0.2.0/120", "192.0.3.7"));
    }

    #[test]
    fn anything_else_is_no_network() {
        for text in [
            "",
            "x",
            "192.0.2",
            "192.0.2.0/33",
            "::/129",
            "192.0.2.0/",
            "192.0.2.0/+8",
            "192.0.2.*",
            "/8",
        ] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_wider_than_a_slash_8_or_a_slash_32_is_public() {
        for (text, public) in [
            ("10.0.0.0/8", false),
            ("10.0.0.0/7", true),
            ("2001:db8::/32", false),
            ("2001:db8::/31", true),
            ("192.0.2.1", false),
        ] {
            assert_eq!(Network::parse(text).unwrap().is_public(), public, "{text}");
        }
    }
}
