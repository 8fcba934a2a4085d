use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use mcsv_core::TraceContext;
use reqwest::{Client, ClientBuilder, RequestBuilder, redirect};
use tokio::time::Instant;
use tracing::Instrument;
use tracing::field::Empty;
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::fetch::get::FetchGet;
use crate::fetch::guarded_resolver::GuardedResolver;
use crate::fetch::origin::Origin;
use crate::fetch::policy::{FetchPolicy, Trust};
use crate::fetch::put::FetchPut;
use crate::observe::outcome;
use crate::put_body::PutBody;
use crate::sign::Purpose;

/// Fetches URLs that strangers chose, without becoming their hands inside the network.
///
/// Whatever the [`FetchPolicy`] doesn't allow is refused before a packet leaves: by scheme, user,
/// origin, port and address, in every spelling of an address and on every hop. A name is resolved
/// once, and the connection goes to the very addresses that were checked.
///
/// No proxy from the environment, no cookies, no decompression, no `referer`. The trace context
/// goes to allowed origins only. A clone shares the connections.
///
/// ```
/// use mcsv_storage::{ErrorKind, FetchPolicy, Fetcher};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> mcsv_storage::Result<()> {
/// let fetcher = Fetcher::new(FetchPolicy::new().allow_public())?;
/// let fetched = fetcher.get("http://169.254.169.254/latest/meta-data").await;
/// assert!(fetched.is_err_and(|e| e.kind() == ErrorKind::Refused));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Fetcher {
    inner: Arc<Inner>,
}

struct Inner {
    policy: FetchPolicy,
    /// Resolves any name: the origin was allowed by name.
    allowed: Client,
    /// Resolves public names only.
    guarded: Client,
}

impl Fetcher {
    /// A fetcher under `policy`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if there is no TLS to be had.
    pub fn new(policy: FetchPolicy) -> Result<Self> {
        let build = |builder: ClientBuilder| {
            let built = builder.build();
            built.map_err(|e| Error::new(ErrorKind::Config, "no HTTP client").with_source(e))
        };
        let allowed = build(client(&policy)?)?;
        let guarded = build(client(&policy)?.dns_resolver(Arc::new(GuardedResolver)))?;
        Ok(Fetcher { inner: Arc::new(Inner { policy, allowed, guarded }) })
    }

    /// Fetches `url`: await the [`FetchGet`], after its options.
    pub fn get(&self, url: impl Into<String>) -> FetchGet {
        FetchGet::new(self.clone(), url.into())
    }

    /// Puts `body` at `url`: await the [`FetchPut`], after its options.
    ///
    /// A stream needs [`FetchPut::exact_len`].
    pub fn put(&self, url: impl Into<String>, body: impl Into<PutBody>) -> FetchPut {
        FetchPut::new(self.clone(), url.into(), body.into())
    }

    pub(crate) fn policy(&self) -> &FetchPolicy {
        &self.inner.policy
    }

    /// The client for `url`, if the policy allows it.
    pub(crate) fn admit(&self, url: &Url, purpose: Purpose) -> Result<Admitted<'_>> {
        let trust = self.inner.policy.judge(url, purpose)?;
        let client = match trust {
            Trust::Allowed => &self.inner.allowed,
            Trust::Public => &self.inner.guarded,
        };
        let origin = Origin::of(url)
            .ok_or_else(|| Error::new(ErrorKind::Refused, "fetch: the URL has no host"))?;
        Ok(Admitted { client, origin, trust })
    }
}

/// A URL's server that may be talked to.
pub(crate) struct Admitted<'a> {
    pub(crate) client: &'a Client,
    pub(crate) origin: Origin,
    trust: Trust,
}

impl Admitted<'_> {
    /// Adds the trace context, for our own servers only: to others it would tell about us.
    pub(crate) fn with_trace(&self, mut request: RequestBuilder) -> RequestBuilder {
        let Some(context) = TraceContext::current().filter(|_| self.trust == Trust::Allowed) else {
            return request;
        };
        request = request.header("traceparent", context.traceparent());
        match context.tracestate().map(HeaderValue::from_str) {
            Some(Ok(state)) => request.header("tracestate", state),
            _ => request,
        }
    }
}

/// Reads a URL without repeating it.
pub(crate) fn parse(url: &str) -> Result<Url> {
    Url::parse(url).map_err(|e| {
        let message = "fetch: it is no absolute URL, such as https://host/image.png";
        Error::new(ErrorKind::InvalidOption, message).with_source(e)
    })
}

/// Runs one fetch in a span, and records its duration and outcome.
pub(crate) async fn observed<T>(
    method: &'static str,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let span = tracing::info_span!(
        "fetch",
        http.request.method = method,
        server.address = Empty,
        error.type = Empty
    );
    let begun = Instant::now();
    let result = work.instrument(span.clone()).await;
    let outcome = outcome(&result, &span);
    metrics::histogram!("mcsv_fetch_duration_seconds", "method" => method, "outcome" => outcome)
        .record(begun.elapsed().as_secs_f64());
    result
}

fn client(policy: &FetchPolicy) -> Result<ClientBuilder> {
    Ok(Client::builder()
        .tls_backend_preconfigured(crate::tls::config()?)
        // Every hop is judged by us.
        .redirect(redirect::Policy::none())
        .no_proxy()
        .referer(false)
        // Another crate of the program may have switched these on for all.
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .connect_timeout(Duration::from_secs(5).min(policy.timeout))
        .read_timeout(policy.idle_timeout)
        .user_agent(concat!("mcsv-storage/", env!("CARGO_PKG_VERSION"))))
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetcher").field("policy", &self.inner.policy).finish_non_exhaustive()
    }
}
