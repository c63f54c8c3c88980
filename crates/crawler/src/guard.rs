//! The guard before every connection: which addresses may be asked at all.
//!
//! In: a URL, or an address that a name leads to. Out: yes, no, or "the operator allows it". It
//! resolves nothing; the resolver asks it about every address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use messages::CanonicalUrl;
use url::Host as UrlHost;

/// An address that is not public and not allowed. Verdict: Reject, code `address_not_public`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{host} leads to {address}, which is not a public address: SPEECHMILL_ALLOW_ADDRESS can allow it"
)]
pub struct NotPublic {
    /// The host of the URL.
    pub host: String,
    /// Where it leads.
    pub address: IpAddr,
}

/// What the operator allows: an address, a network or a name, with or without a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedAddress {
    who: Who,
    /// `None`: every port.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Who {
    Network { base: IpAddr, num_bits: u8 },
    Name(String),
}

/// The text allows nothing that we could recognise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is neither an address (127.0.0.1), a network (10.0.0.0/8) nor a host (intranet:8080)"
)]
pub struct AllowedAddressError(String);

impl FromStr for AllowedAddress {
    type Err = AllowedAddressError;

    fn from_str(text: &str) -> Result<Self, AllowedAddressError> {
        let text = text.trim();
        let bad = || AllowedAddressError(text.chars().take(100).collect());
        if let Some((base, num_bits)) = text.split_once('/') {
            let base: IpAddr = base.parse().map_err(|_| bad())?;
            let num_bits: u8 = num_bits.parse().map_err(|_| bad())?;
            if num_bits > width(base) {
                return Err(bad());
            }
            let who = Who::Network { base, num_bits };
            return Ok(Self { who, port: None });
        }
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Ok(Self::of(IpAddr::V6(address), None));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().map_err(|_| bad())?)),
            None => (text, None),
        };
        match UrlHost::parse(host).map_err(|_| bad())? {
            UrlHost::Ipv4(address) => Ok(Self::of(address.into(), port)),
            UrlHost::Ipv6(address) => Ok(Self::of(address.into(), port)),
            UrlHost::Domain(name) => {
                let who = Who::Name(name.trim_end_matches('.').to_owned());
                Ok(Self { who, port })
            }
        }
    }
}

impl AllowedAddress {
    fn of(address: IpAddr, port: Option<u16>) -> Self {
        let base = address.to_canonical();
        let who = Who::Network {
            base,
            num_bits: width(base),
        };
        Self { who, port }
    }

    /// `port`: `None` where it isn't known, as in a resolver; then an entry with a port holds for nothing.
    fn holds_address(&self, address: IpAddr, port: Option<u16>) -> bool {
        let Who::Network { base, num_bits } = &self.who else {
            return false;
        };
        self.holds_port(port) && is_within(address.to_canonical(), *base, *num_bits)
    }

    fn holds_name(&self, name: &str, port: Option<u16>) -> bool {
        matches!(&self.who, Who::Name(allowed) if allowed == name) && self.holds_port(port)
    }

    fn holds_port(&self, port: Option<u16>) -> bool {
        self.port.is_none() || self.port == port
    }
}

/// Knows what is allowed.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    allowed: Vec<AllowedAddress>,
}

impl Guard {
    /// A guard that lets through public addresses and these.
    pub fn new(allowed: Vec<AllowedAddress>) -> Self {
        Self { allowed }
    }

    /// Looks at a URL whose host is a literal address; a name is for the resolver to look at.
    /// Answers whether the operator allows this very host.
    pub fn check(&self, url: &CanonicalUrl) -> Result<bool, NotPublic> {
        let url = url.as_url();
        let port = url.port_or_known_default();
        let address = match url.host() {
            Some(UrlHost::Ipv4(address)) => IpAddr::V4(address),
            Some(UrlHost::Ipv6(address)) => IpAddr::V6(address),
            Some(UrlHost::Domain(name)) => {
                return Ok(self
                    .allowed
                    .iter()
                    .any(|entry| entry.holds_name(name, port)));
            }
            None => return Ok(false),
        };
        let is_allowed = self
            .allowed
            .iter()
            .any(|entry| entry.holds_address(address, port));
        if is_allowed || is_public(address) {
            return Ok(is_allowed);
        }
        Err(NotPublic {
            host: url.host_str().unwrap_or_default().to_owned(),
            address,
        })
    }

    /// Whether a name may lead to this address.
    pub fn lets_through(&self, address: IpAddr) -> bool {
        is_public(address)
            || self
                .allowed
                .iter()
                .any(|entry| entry.holds_address(address, None))
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn is_within(address: IpAddr, base: IpAddr, num_bits: u8) -> bool {
    let (address, base, width) = match (address, base) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits()), u128::from(b.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
        _ => return false,
    };
    let shift = width - u32::from(num_bits);
    address.checked_shr(shift).unwrap_or(0) == base.checked_shr(shift).unwrap_or(0)
}

/// Whether the whole Internet means the same machine by it.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Source: IANA IPv4 Special-Purpose Address Registry (RFC 6890), multicast and class E.
fn is_public_v4(address: Ipv4Addr) -> bool {
    const SPECIAL: [(Ipv4Addr, u8); 15] = [
        (Ipv4Addr::UNSPECIFIED, 8),
        (Ipv4Addr::new(10, 0, 0, 0), 8),
        (Ipv4Addr::new(100, 64, 0, 0), 10),
        (Ipv4Addr::new(127, 0, 0, 0), 8),
        (Ipv4Addr::new(169, 254, 0, 0), 16),
        (Ipv4Addr::new(172, 16, 0, 0), 12),
        (Ipv4Addr::new(192, 0, 0, 0), 24),
        (Ipv4Addr::new(192, 0, 2, 0), 24),
        (Ipv4Addr::new(192, 88, 99, 0), 24),
        (Ipv4Addr::new(192, 168, 0, 0), 16),
        (Ipv4Addr::new(198, 18, 0, 0), 15),
        (Ipv4Addr::new(198, 51, 100, 0), 24),
        (Ipv4Addr::new(203, 0, 113, 0), 24),
        (Ipv4Addr::new(224, 0, 0, 0), 4),
        (Ipv4Addr::new(240, 0, 0, 0), 4),
    ];
    !SPECIAL
        .iter()
        .any(|&(base, num_bits)| is_within(address.into(), base.into(), num_bits))
}

/// Source: IANA IPv6 Special-Purpose Address Registry; only `2000::/3` is global unicast at all.
fn is_public_v6(address: Ipv6Addr) -> bool {
    const SPECIAL: [(Ipv6Addr, u8); 4] = [
        (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
        (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
        // 6to4 leads to the IPv4 address inside.
        (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
        (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
    ];
    let within = |base: Ipv6Addr, num_bits| is_within(address.into(), base.into(), num_bits);
    // NAT64: networks without IPv4 reach it through these.
    if within(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96) {
        let [.., a, b, c, d] = address.octets();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    within(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3)
        && !SPECIAL
            .iter()
            .any(|&(base, num_bits)| within(base, num_bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(allowed: &[&str]) -> Guard {
        Guard::new(allowed.iter().map(|text| text.parse().unwrap()).collect())
    }

    fn check(guard: &Guard, url: &str) -> Result<bool, IpAddr> {
        let url: CanonicalUrl = url.parse().unwrap();
        guard.check(&url).map_err(|refused| refused.address)
    }

    #[test]
    fn public_addresses_pass_and_all_others_do_not() {
        for public in [
            "1.1.1.1",
            "100.63.0.1",
            "100.128.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:200::1",
            "::ffff:1.1.1.1",
            "64:ff9b::101:101",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for other in [
            "0.0.0.0",
            "0.1.2.3",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "4000::1",
        ] {
            assert!(!is_public(other.parse().unwrap()), "{other}");
        }
    }

    #[test]
    fn every_spelling_of_a_literal_address_is_recognised() {
        let none = guard(&[]);
        let home = Err(IpAddr::V4(Ipv4Addr::LOCALHOST));
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://127.1/",
            "http://127.0.0.1./",
            "http://１２７.0.0.1/",
        ] {
            assert_eq!(check(&none, url), home, "{url}");
        }
        assert!(check(&none, "http://[::1]:8080/").is_err());
        assert!(check(&none, "http://[::ffff:7f00:1]/").is_err());
        assert_eq!(check(&none, "http://1.1.1.1/"), Ok(false));
        assert_eq!(
            check(&none, "http://localhost/"),
            Ok(false),
            "a name is for the resolver"
        );
    }

    #[test]
    fn what_the_operator_allows_passes_and_nothing_beside_it() {
        let some = guard(&[
            "127.0.0.1",
            "10.0.0.0/8",
            "[::1]:8080",
            "192.168.1.5:81",
            "intranet:8080",
            "Wiki.Example",
        ]);
        for url in [
            "http://127.0.0.1:9/",
            "http://[::ffff:7f00:1]/",
            "http://10.9.9.9/",
            "http://[::1]:8080/",
            "http://192.168.1.5:81/",
            "http://intranet:8080/",
            "https://wiki.example/",
        ] {
            assert_eq!(check(&some, url), Ok(true), "{url}");
        }
        for url in [
            "http://127.0.0.2/",
            "http://11.0.0.1/a",
            "http://[::1]/",
            "http://192.168.1.5/",
            "http://intranet/",
        ] {
            assert_ne!(check(&some, url), Ok(true), "{url}");
        }
    }

    #[test]
    fn a_name_may_lead_to_an_allowed_address_unless_only_a_port_of_it_is_allowed() {
        let some = guard(&["198.18.0.0/15", "192.168.1.5:81"]);
        assert!(some.lets_through("198.18.3.4".parse().unwrap()));
        assert!(some.lets_through("::ffff:198.18.3.4".parse().unwrap()));
        assert!(some.lets_through("1.1.1.1".parse().unwrap()));
        assert!(!some.lets_through("192.168.1.5".parse().unwrap()));
    }

    #[test]
    fn the_whole_internet_of_one_family_can_be_allowed() {
        let all = guard(&["0.0.0.0/0"]);
        assert!(all.lets_through("10.0.0.1".parse().unwrap()));
        assert!(!all.lets_through("::1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in [
            "",
            "10.0.0.0/33",
            "a/8",
            "host:port",
            "host:99999",
            "http://a.cn/",
            "a b",
        ] {
            assert!(bad.parse::<AllowedAddress>().is_err(), "{bad}");
        }
    }
}
