use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not a public one; `None` for a public one.
///
/// After IANA's special-purpose registries for [IPv4] and [IPv6], and two addresses at which clouds
/// tell secrets outside of the link-local range. An IPv6 address that carries an IPv4 one is judged
/// by that.
///
/// [IPv4]: https://www.iana.org/assignments/iana-ipv4-special-registry
/// [IPv6]: https://www.iana.org/assignments/iana-ipv6-special-registry
pub(crate) fn private_class(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => private_v4(v4),
        IpAddr::V6(v6) => private_v6(v6),
    }
}

fn private_v4(address: Ipv4Addr) -> Option<&'static str> {
    Some(match address.octets() {
        [0, ..] => "an address of this network",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "a private address",
        [100, 64..=127, ..] => "a carrier-grade NAT address",
        [127, ..] => "a loopback address",
        [169, 254, ..] => "a link-local address",
        // Azure's host agent.
        [168, 63, 129, 16] => "a metadata address",
        [192, 0, 0, _] => "a protocol assignment",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "a documentation address",
        [192, 88, 99, _] => "a 6to4 relay address",
        [198, 18..=19, ..] => "a benchmarking address",
        [224..=239, ..] => "a multicast address",
        [240..=255, ..] => "a reserved address",
        _ => return None,
    })
}

fn private_v6(address: Ipv6Addr) -> Option<&'static str> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let embedded = || {
        let ([g1, g2], [h1, h2]) = (g.to_be_bytes(), h.to_be_bytes());
        private_v4(Ipv4Addr::new(g1, g2, h1, h2))
    };
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0] if (g, h) == (0, 0) => Some("the unspecified address"),
        [0, 0, 0, 0, 0, 0] if (g, h) == (0, 1) => Some("a loopback address"),
        [0, 0, 0, 0, 0, 0] => Some("an IPv4-compatible address"),
        [0, 0, 0, 0, 0, 0xffff] => embedded(),
        // NAT64 with its well-known prefix: what a resolver makes up for a host that has IPv4 only.
        [0x64, 0xff9b, 0, 0, 0, 0] => embedded(),
        [0x64, 0xff9b, ..] => Some("a local NAT64 address"),
        [0xfc00..=0xfdff, ..] => Some("a unique local address"),
        [0xfe80..=0xfebf, ..] => Some("a link-local address"),
        [0xfec0..=0xfeff, ..] => Some("a site-local address"),
        [0xff00..=0xffff, ..] => Some("a multicast address"),
        [0x2001, 0, ..] => Some("a Teredo address"),
        [0x2001, 0x0001..=0x01ff, ..] => Some("a protocol assignment"),
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Some("a documentation address"),
        [0x2002, ..] => Some("a 6to4 address"),
        // ISATAP puts an IPv4 address behind this mark in any prefix.
        [_, _, _, _, 0 | 0x0200, 0x5efe] => Some("an ISATAP address"),
        [0x2000..=0x3fff, ..] => None,
        _ => Some("an unassigned address"),
    }
}
