use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use mcsv_core::{Error, Result};

use super::balance::Endpoints;
use super::budget::Budget;
use super::endpoint::Endpoint;
use super::persist::Policy;
use super::transport::Transport;
use super::wire::Wire;
use crate::Protocol;
use crate::undisclosed::Undisclosed;

/// What all clones of a channel and all of its calls have in common.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) transport: Transport,
    pub(crate) endpoint: Endpoint,
    /// Where the calls are spread over several.
    pub(crate) endpoints: Option<Endpoints>,
    /// Where a call may take more than one request.
    pub(crate) policy: Option<Arc<Policy>>,
    pub(crate) budget: Arc<Budget>,
    /// What stands before the method's full name in Twirp's paths.
    pub(crate) twirp_prefix: Box<str>,
    /// Whether calls without side effects go by GET where the protocol has it.
    pub(crate) get: bool,
    pub(crate) wire: Wire,
    pub(crate) timeout: Option<Duration>,
    pub(crate) headers: HeaderMap,
    pub(crate) response_limit: usize,
    /// The first header that can't be sent; every call answers it.
    pub(crate) defect: Option<&'static str>,
}

impl Shared {
    /// What stands between a server's own prefix and a method's full name.
    pub(crate) fn prefix(&self) -> &str {
        match self.wire.protocol {
            Protocol::Twirp => &self.twirp_prefix,
            Protocol::Connect | Protocol::Grpc => "",
        }
    }

    /// Where the calls go, for an error.
    pub(crate) fn place(&self) -> String {
        match &self.endpoints {
            Some(endpoints) => format!("{endpoints:?}"),
            None => self.endpoint.to_string(),
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        match self.defect {
            None => Ok(()),
            Some(defect) => Err(Undisclosed::mark(Error::invalid_argument(defect))),
        }
    }
}

/// A header whose value is marked as a secret.
pub(crate) fn secret<K, V>(name: K, value: V) -> Result<(HeaderName, HeaderValue), &'static str>
where
    K: TryInto<HeaderName>,
    V: TryInto<HeaderValue>,
{
    let name = name.try_into().map_err(|_| "a header's name is no token")?;
    let mut value = value.try_into().map_err(|_| "a header's value holds control characters")?;
    value.set_sensitive(true);
    Ok((name, value))
}
