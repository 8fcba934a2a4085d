use std::net::IpAddr;
use std::time::Duration;

use url::{Host, Url};

use crate::content_type;
use crate::error::{Error, ErrorKind, Result};
use crate::fetch::address::private_class;
use crate::fetch::origin::Origin;
use crate::sign::{BaseUrl, Purpose, Signer};

/// Where a [`Fetcher`](crate::Fetcher) may go, and how much it may take.
///
/// A new policy allows nothing. Each allowance is one line that a reviewer can find.
///
/// ```
/// use mcsv_storage::FetchPolicy;
/// use std::time::Duration;
///
/// let policy = FetchPolicy::new()
///     .allow_origin("http://10.0.0.7:8081")?
///     .allow_public()
///     .with_max_len(20 << 20)
///     .with_timeout(Duration::from_secs(60))
///     .with_redirects(3);
/// # Ok::<(), mcsv_storage::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct FetchPolicy {
    origins: Vec<Origin>,
    reach: Reach,
    pub(crate) max_len: u64,
    pub(crate) timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) redirects: u8,
    types: Vec<String>,
    signers: Vec<Signer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    OriginsOnly,
    Public,
}

/// How far a URL is trusted: by its origin, or not beyond being a public address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    Allowed,
    Public,
}

impl FetchPolicy {
    /// Allows nothing yet; at most 32 MiB, 30 seconds in all, 10 seconds of silence, no redirect.
    #[must_use]
    pub fn new() -> Self {
        FetchPolicy {
            origins: Vec::new(),
            reach: Reach::OriginsOnly,
            max_len: 32 << 20,
            timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(10),
            redirects: 0,
            types: Vec::new(),
            signers: Vec::new(),
        }
    }

    /// Allows exactly this scheme, host and port, also where the host is a private address.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for anything but `http://host:port` or `https://host:port`.
    pub fn allow_origin(mut self, origin: &str) -> Result<Self> {
        self.origins.push(Origin::parse(origin)?);
        Ok(self)
    }

    /// Allows the relayed URLs that `signer` made, unchanged, in time and for their method, and no
    /// other URL of its bases: whoever can only name a URL reaches nothing that was not given to him.
    ///
    /// A fetcher that has no signing keys allows an [origin](Self::allow_origin) instead, and the
    /// service there refuses what was not signed.
    ///
    /// ```
    /// use mcsv_storage::{FetchPolicy, SigningKeys, Store};
    ///
    /// # fn main() -> mcsv_storage::Result<()> {
    /// let signer = Store::from_url("memory:")?
    ///     .signer(SigningKeys::random()?)
    ///     .with_public_base("http://10.0.0.7:8081/files")?;
    /// let policy = FetchPolicy::new().allow_signed_by(&signer);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn allow_signed_by(mut self, signer: &Signer) -> Self {
        self.signers.push(signer.clone());
        self
    }

    /// Allows every host whose addresses are all public, at port 80 of http and 443 of https.
    #[must_use]
    pub fn allow_public(mut self) -> Self {
        self.reach = Reach::Public;
        self
    }

    /// The most bytes of one answer.
    #[must_use]
    pub fn with_max_len(mut self, bytes: u64) -> Self {
        self.max_len = bytes;
        self
    }

    /// How long one fetch may take in all, its body and redirects included.
    #[must_use]
    pub fn with_timeout(mut self, total: Duration) -> Self {
        self.timeout = total;
        self
    }

    /// How long the other side may say nothing.
    #[must_use]
    pub fn with_idle_timeout(mut self, idle: Duration) -> Self {
        self.idle_timeout = idle;
        self
    }

    /// How many redirects a GET follows; each target is judged like the first URL.
    #[must_use]
    pub fn with_redirects(mut self, most: u8) -> Self {
        self.redirects = most;
        self
    }

    /// Takes answers of this media type, such as `image/png`, or of all of its kind, `image/*`; call
    /// it once for each. Without it the type doesn't matter.
    ///
    /// An answer of another type, or of none, is refused before its body is read. What is in the body
    /// is for the reader to find out: the type is what the other side says.
    ///
    /// ```
    /// use mcsv_storage::FetchPolicy;
    ///
    /// let policy = FetchPolicy::new().allow_public().allow_type("image/*")?;
    /// assert!(FetchPolicy::new().allow_type("image").is_err());
    /// # Ok::<(), mcsv_storage::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for what is no media type, or has parameters.
    pub fn allow_type(mut self, media_type: &str) -> Result<Self> {
        let fault = || {
            let message = format!("allowed type {media_type:?}: give image/png or image/*");
            Error::new(ErrorKind::Config, message)
        };
        let fits = match media_type.strip_suffix("/*") {
            Some(kind) => content_type::is_token(kind) && !kind.contains('*'),
            None => content_type::check(media_type).is_ok() && !media_type.contains(';'),
        };
        if !fits {
            return Err(fault());
        }
        self.types.push(media_type.to_ascii_lowercase());
        Ok(self)
    }

    /// Whether an answer may be of this type.
    pub(crate) fn takes(&self, media_type: Option<&str>) -> bool {
        if self.types.is_empty() {
            return true;
        }
        // Of a list of types nobody knows which one a reader would take.
        let Some(single) = media_type.filter(|text| content_type::check(text.trim()).is_ok())
        else {
            return false;
        };
        let essence = single.split(';').next().unwrap_or_default();
        let essence = essence.trim().to_ascii_lowercase();
        let fits = |allowed: &String| match allowed.strip_suffix('*') {
            Some(kind) => essence.starts_with(kind) && essence.len() > kind.len(),
            None => *allowed == essence,
        };
        self.types.iter().any(fits)
    }

    /// Whether a URL may be fetched, as far as its text tells: a name is judged when it is resolved.
    pub(crate) fn judge(&self, url: &Url, purpose: Purpose) -> Result<Trust> {
        let scheme = url.scheme();
        if !matches!(scheme, "http" | "https") {
            return Err(refused(format!("fetch: scheme {scheme:?} is not allowed")));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("fetch: a user or password in the URL is not allowed"));
        }
        let Some(origin) = Origin::of(url) else {
            return Err(refused("fetch: the URL has no host"));
        };
        let is_signed = || self.signers.iter().any(|signer| is_signed_by(signer, url, purpose));
        if self.origins.contains(&origin) || is_signed() {
            return Ok(Trust::Allowed);
        }
        if self.reach == Reach::OriginsOnly {
            return Err(refused(format!("fetch: {origin} is not an allowed origin")));
        }
        let class = match origin.host() {
            Host::Ipv4(v4) => private_class(IpAddr::V4(*v4)),
            Host::Ipv6(v6) => private_class(IpAddr::V6(*v6)),
            Host::Domain(name) => is_localhost(name).then_some("a name of this machine"),
        };
        if let Some(class) = class {
            return Err(refused(format!("fetch: {origin} is {class}")));
        }
        let usual = if scheme == "https" { 443 } else { 80 };
        if origin.port() != usual {
            return Err(refused(format!("fetch: {origin} is not at port {usual}")));
        }
        Ok(Trust::Public)
    }
}

fn is_signed_by(signer: &Signer, url: &Url, purpose: Purpose) -> bool {
    let leads_to = |base: &BaseUrl| {
        let rest = url.as_str().strip_prefix(base.as_str());
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    let granted = || signer.read_url(url.path(), url.query());
    signer.bases().any(leads_to) && granted().is_ok_and(|(_, claims, _)| claims.purpose == purpose)
}

impl Default for FetchPolicy {
    fn default() -> Self {
        FetchPolicy::new()
    }
}

/// Names that resolvers may answer by themselves ([RFC 6761, section 6.3]).
///
/// [RFC 6761, section 6.3]: https://www.rfc-editor.org/rfc/rfc6761#section-6.3
fn is_localhost(name: &str) -> bool {
    name.trim_end_matches('.').rsplit('.').next() == Some("localhost")
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Refused, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(policy: &FetchPolicy, url: &str, expected: Option<Trust>) {
        let judged = policy.judge(&Url::parse(url).unwrap(), Purpose::Get);
        assert_eq!(judged.ok(), expected, "{url}");
    }

    #[test]
    fn tells_allowed_public_and_refused_urls_apart() {
        let policy = FetchPolicy::new().allow_origin("http://10.0.0.7:8081").unwrap();
        check(&policy, "http://10.0.0.7:8081/a?b", Some(Trust::Allowed));
        check(&policy, "http://0xa000007:8081/", Some(Trust::Allowed));
        check(&policy, "http://93.184.215.14/", None);

        let policy = policy.allow_public();
        check(&policy, "http://10.0.0.7:8081/", Some(Trust::Allowed));
        check(&policy, "http://10.0.0.7/", None);
        check(&policy, "http://93.184.215.14/", Some(Trust::Public));
        check(&policy, "https://example.com/", Some(Trust::Public));
        check(&policy, "https://example.com:443/", Some(Trust::Public));
        check(&policy, "https://example.com:8443/", None);
        check(&policy, "https://[2606:2800:21f::1]/", Some(Trust::Public));
        check(&policy, "https://[::ffff:93.184.215.14]/", Some(Trust::Public));
        check(&policy, "https://[64:ff9b::5db8:d70e]/", Some(Trust::Public));
        check(&policy, "http://a.localhost./", None);
    }
}
