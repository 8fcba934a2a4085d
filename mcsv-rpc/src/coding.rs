use std::fmt;

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};
use mcsv_core::{Error, Result};

use crate::Protocol;

/// How the bytes of a message are packed; the better, the greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Coding {
    #[default]
    Identity,
    Gzip,
    #[cfg(feature = "zstd")]
    Zstd,
}

/// What can be read, as a list of names.
pub(crate) const KNOWN: HeaderValue = HeaderValue::from_static(Coding::BEST.asked());

const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

impl Coding {
    #[cfg(feature = "zstd")]
    pub(crate) const ALL: [Coding; 3] = [Coding::Identity, Coding::Gzip, Coding::Zstd];
    #[cfg(not(feature = "zstd"))]
    pub(crate) const ALL: [Coding; 2] = [Coding::Identity, Coding::Gzip];

    pub(crate) const BEST: Coding = Coding::ALL[Coding::ALL.len() - 1];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Coding::Identity => "identity",
            Coding::Gzip => "gzip",
            #[cfg(feature = "zstd")]
            Coding::Zstd => "zstd",
        }
    }

    /// What a client asks for that packs its own requests like this, the best first.
    pub(crate) const fn asked(self) -> &'static str {
        match self {
            Coding::Identity => "identity",
            Coding::Gzip => "gzip",
            #[cfg(feature = "zstd")]
            Coding::Zstd => "zstd, gzip",
        }
    }

    pub(crate) fn parse(name: &str) -> Result<Self> {
        if name.is_empty() {
            return Ok(Coding::Identity);
        }
        Coding::known(name).ok_or_else(|| {
            let name: String = name.chars().take(40).collect();
            let known = Coding::BEST.asked();
            Error::unimplemented(format!("unknown compression {name:?}: send {known} or identity"))
        })
    }

    fn known(name: &str) -> Option<Self> {
        Coding::ALL.into_iter().find(|coding| coding.name().eq_ignore_ascii_case(name))
    }

    /// What the sender of `headers` packed its message with.
    pub(crate) fn of(protocol: Protocol, headers: &HeaderMap) -> Result<Self> {
        let mut values = headers.get_all(name(protocol)).iter();
        let first = values.next().map_or(Ok(Coding::Identity), |value| {
            Coding::parse(value.to_str().unwrap_or("\u{fffd}"))
        });
        match values.next() {
            None => first,
            Some(_) => Err(Error::unimplemented("more than one compression: send one at most")),
        }
    }

    /// What the sender of `headers` would rather unpack than anything else.
    pub(crate) fn preferred(protocol: Protocol, headers: &HeaderMap) -> Self {
        let most = Coding::accepted(protocol, headers).max_by(|(a, p), (b, q)| {
            let by_weight = p.total_cmp(q);
            by_weight.then(a.cmp(b))
        });
        most.map(|(coding, _)| coding).unwrap_or_default()
    }

    /// This coding, if the sender of `headers` can unpack it.
    pub(crate) fn if_accepted(self, protocol: Protocol, headers: &HeaderMap) -> Self {
        match Coding::accepted(protocol, headers).any(|(coding, _)| coding == self) {
            true => self,
            false => Coding::Identity,
        }
    }

    /// What the sender of `headers` can unpack, and how gladly.
    fn accepted(protocol: Protocol, headers: &HeaderMap) -> impl Iterator<Item = (Coding, f32)> {
        let values = headers.get_all(accept_name(protocol)).iter();
        let items = values.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
        items.filter_map(|item| {
            let mut parts = item.split(';').map(str::trim);
            let coding = Coding::known(parts.next()?)?;
            let weight = parts.find_map(|part| part.strip_prefix(['q', 'Q'])?.strip_prefix('='));
            // What can't be read is a no: the message as it is can always be sent.
            let weight = weight.map_or(Some(1.0), |weight| weight.parse().ok())?;
            (0.0 < weight && weight <= 1.0).then_some((coding, weight))
        })
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The header that names the coding of a message.
pub(crate) fn name(protocol: Protocol) -> HeaderName {
    match protocol {
        Protocol::Grpc => GRPC_ENCODING,
        Protocol::Twirp | Protocol::Connect => CONTENT_ENCODING,
    }
}

/// The header that lists the codings that can be read.
pub(crate) fn accept_name(protocol: Protocol) -> HeaderName {
    match protocol {
        Protocol::Grpc => GRPC_ACCEPT_ENCODING,
        Protocol::Twirp | Protocol::Connect => ACCEPT_ENCODING,
    }
}

/// Names the coding of a message, if it has one.
pub(crate) fn write(protocol: Protocol, coding: Coding, headers: &mut HeaderMap) {
    if coding != Coding::Identity {
        headers.insert(name(protocol), HeaderValue::from_static(coding.name()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accepted: &[&'static str], expected: Coding) {
        let values = accepted.iter().map(|v| (ACCEPT_ENCODING, HeaderValue::from_static(v)));
        let preferred = Coding::preferred(Protocol::Connect, &values.collect());
        assert_eq!(preferred, expected, "{accepted:?}");
    }

    #[test]
    fn the_client_s_weights_decide_and_then_the_better_one() {
        check(&[], Coding::Identity);
        check(&["br"], Coding::Identity);
        check(&["gzip"], Coding::Gzip);
        check(&["GZip ; Q=0.5"], Coding::Gzip);
        check(&["br, gzip, zstd"], Coding::BEST);
        check(&["gzip", "zstd"], Coding::BEST);
        check(&["zstd;q=0.8, gzip;q=0.8"], Coding::BEST);
        check(&["zstd;q=0.1, gzip;q=0.2"], Coding::Gzip);
        check(&["zstd;q=0, gzip;q=0.001"], Coding::Gzip);
        check(&["identity, gzip;q=0.5"], Coding::Identity);
        check(&["gzip, identity;q=0.5, *;q=0"], Coding::Gzip);
    }

    #[test]
    fn a_weight_that_is_none_is_a_no() {
        for weight in ["0", "0.000", "-1", "2", "NaN", "inf", "x", ""] {
            let value = HeaderValue::from_str(&format!("gzip;q={weight}")).unwrap();
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, value)]);
            assert_eq!(Coding::preferred(Protocol::Twirp, &headers), Coding::Identity, "{weight}");
        }
    }

    #[test]
    fn a_coding_is_its_name_in_any_case_or_unknown() {
        assert_eq!(Coding::parse("").unwrap(), Coding::Identity);
        for coding in Coding::ALL {
            assert_eq!(Coding::parse(coding.name()).unwrap(), coding);
            assert_eq!(Coding::parse(&coding.name().to_uppercase()).unwrap(), coding);
        }
        for unknown in ["br", "gzip, gzip", "zstandard", "\u{fffd}"] {
            assert!(Coding::parse(unknown).unwrap_err().message().contains("or identity"));
        }
    }
}
