use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::time::Duration;

use http::header::LOCATION;
use reqwest::{Response, StatusCode};
use tokio::time::Instant;
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::fetch::fetched::Fetched;
use crate::fetch::fetcher::{Fetcher, observed, parse};
use crate::fetch::origin::Origin;
use crate::fetch::transport_error::transport_error;
use crate::sign::Purpose;

/// A fetch that is about to happen; made by [`Fetcher::get`], done by `.await`.
///
/// # Errors
///
/// [`Refused`](ErrorKind::Refused) by the policy, also for the answer's type, [`Status`](ErrorKind::Status) for an answer
/// other than 2xx, [`TooLarge`](ErrorKind::TooLarge) for an announced length above the limit,
/// [`Timeout`](ErrorKind::Timeout) or [`Connect`](ErrorKind::Connect).
#[must_use = "a fetch does nothing until it is awaited"]
pub struct FetchGet {
    fetcher: Fetcher,
    url: String,
    max_len: u64,
}

impl FetchGet {
    pub(crate) fn new(fetcher: Fetcher, url: String) -> Self {
        let max_len = fetcher.policy().max_len;
        FetchGet { fetcher, url, max_len }
    }

    /// Takes at most this many bytes, and never more than the policy allows.
    pub fn max_len(mut self, bytes: u64) -> Self {
        self.max_len = self.max_len.min(bytes);
        self
    }

    async fn run(self) -> Result<Fetched> {
        let mut url = parse(&self.url)?;
        let deadline = Instant::now() + self.fetcher.policy().timeout;
        let mut hops = self.fetcher.policy().redirects;
        loop {
            let (response, origin) = self.send(&url, deadline).await?;
            let status = response.status();
            if status == StatusCode::PARTIAL_CONTENT {
                let message = format!("fetch: {origin} answered with a part, unasked (status 206)");
                return Err(Error::new(ErrorKind::Status(206), message));
            }
            if status.is_success() {
                return Fetched::new(response, origin, self.fetcher.policy(), self.max_len);
            }
            if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
                let message = format!("fetch: {origin} answered with status {status}");
                return Err(Error::new(ErrorKind::Status(status.as_u16()), message));
            }
            let Some(left) = hops.checked_sub(1) else {
                let message = format!("fetch: {origin} redirects once too often");
                return Err(Error::new(ErrorKind::Refused, message));
            };
            hops = left;
            url = next_hop(&url, &response, &origin)?;
        }
    }

    async fn send(&self, url: &Url, deadline: Instant) -> Result<(Response, Origin)> {
        let server = self.fetcher.admit(url, Purpose::Get)?;
        tracing::Span::current().record("server.address", server.origin.host().to_string());
        let left = deadline.saturating_duration_since(Instant::now());
        if left < Duration::from_millis(1) {
            let message = format!("fetch: {}: no time is left", server.origin);
            return Err(Error::new(ErrorKind::Timeout, message));
        }
        let request = server.with_trace(server.client.get(url.clone()).timeout(left));
        let response = request.send().await.map_err(|e| transport_error(e, &server.origin))?;
        Ok((response, server.origin))
    }
}

fn next_hop(from: &Url, response: &Response, origin: &Origin) -> Result<Url> {
    let refused =
        |why: &str| Error::new(ErrorKind::Refused, format!("fetch: {origin} redirects {why}"));
    let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
    let location = location.ok_or_else(|| refused("without a location"))?;
    let next = from.join(location).map_err(|_| refused("to what is no URL"))?;
    if from.scheme() == "https" && next.scheme() != "https" {
        return Err(refused("from https to less"));
    }
    Ok(next)
}

impl IntoFuture for FetchGet {
    type Output = Result<Fetched>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(observed("GET", self.run()))
    }
}

impl fmt::Debug for FetchGet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchGet").field("max_len", &self.max_len).finish_non_exhaustive()
    }
}
