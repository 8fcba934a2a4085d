use std::fmt;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use mcsv_core::{Error, Result};

use crate::RpcMethod;

/// Where a server is: scheme, host, port and the prefix of its paths.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Endpoint {
    scheme: Scheme,
    authority: Authority,
    prefix: Box<str>,
}

impl Endpoint {
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let uri: Uri = url.parse().map_err(|cause| {
            bad_url("it can't be read: give http://host:port").with_source(cause)
        })?;
        if uri.query().is_some() {
            return Err(bad_url("it has a query: give http://host:port"));
        }
        let prefix = uri.path().trim_end_matches('/').into();
        let parts = uri.into_parts();
        let Some(authority) = parts.authority else {
            return Err(bad_url("it names no host: give http://host:port"));
        };
        if authority.as_str().contains('@') {
            return Err(bad_url("it holds a user or password: send them as a header"));
        }
        let authority = with_port(authority)?;
        match parts.scheme {
            Some(scheme) if scheme == Scheme::HTTP => Ok(Endpoint { scheme, authority, prefix }),
            Some(scheme) if scheme == Scheme::HTTPS && cfg!(feature = "tls") => {
                Ok(Endpoint { scheme, authority, prefix })
            }
            Some(scheme) if scheme == Scheme::HTTPS => {
                Err(bad_url("https is not supported by this build: switch on the feature `tls`"))
            }
            _ => Err(bad_url("its scheme is not http: give http://host:port")),
        }
    }

    /// What stands in the URLs of a transport that has no network.
    pub(crate) fn local(name: &'static str) -> Self {
        let authority = Authority::from_static(name);
        Endpoint { scheme: Scheme::HTTP, authority, prefix: "".into() }
    }

    /// The URL of a method: the server's prefix, the protocol's and the method's full name.
    pub(crate) fn url(&self, protocol: &str, method: &RpcMethod) -> Result<Uri> {
        let path = [&*self.prefix, protocol, "/", method.full_name()].concat();
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(PathAndQuery::try_from(path)?);
        Ok(Uri::from_parts(parts)?)
    }
}

/// The authority whose port, if it has one, is one that can be connected to.
///
/// The type holds any text for a port, and a connector takes one that is no number for none at all.
fn with_port(authority: Authority) -> Result<Authority> {
    let host = authority.host();
    if host.is_empty() {
        return Err(bad_url("it names no host: give http://host:port"));
    }
    let port = match authority.as_str()[host.len()..].strip_prefix(':') {
        None => return Ok(authority),
        // RFC 3986, section 3.2.3: the scheme's own.
        Some("") => return Ok(host.parse()?),
        Some(port) => port,
    };
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse::<u16>() {
        Ok(1..) if digits => Ok(authority),
        _ => Err(bad_url("its port is none: give a number from 1 to 65535")),
    }
}

/// The URL itself stays out of the message: it may hold a password.
fn bad_url(problem: &str) -> Error {
    Error::invalid_argument(format!("bad server url: {problem}"))
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.prefix)
    }
}
