use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::ALLOW;
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use tower_service::Service;
use tracing::Instrument;
use tracing::field::Empty;

use crate::error::{BoxError, Result};
use crate::serve::answer::{failure, guard, refusal};
use crate::serve::body::StorageBody;
use crate::serve::cors::Origins;
use crate::serve::drained_body::DrainedBody;
use crate::serve::read::read;
use crate::serve::write::{UploadLimits, write};
use crate::sign::{Purpose, Signer};

/// Answers the URLs that a [`Signer`] made, over HTTP: GET, HEAD and PUT.
///
/// Mount it so that the request's path arrives as it was sent: the service knows the paths of the
/// signer's base URLs and takes what follows as the key. It is ready at once and never fails; a
/// refusal is an answer.
///
/// | status | when |
/// |---|---|
/// | 204 | a browser may go on; see [`with_allowed_origin`](Self::with_allowed_origin) |
/// | 200, 206, 304 | the object, a range of it, or known by its `etag` or time |
/// | 200, 201 | an upload is stored; 201 if the URL could only create |
/// | 400 | the content broke off, or is a part |
/// | 403 | the signature is not right, or has expired |
/// | 404, 405 | no such object or path; another method than the URL's |
/// | 408 | the content came too slowly |
/// | 409 | the object exists and the URL may only create |
/// | 412 | a condition of the request does not hold: `if-match`, `if-unmodified-since`, or `if-none-match: *` of an upload |
/// | 411, 413, 415, 422 | length missing, content too long, wrong type, wrong length or hash |
/// | 416 | the range is behind the end |
/// | 500, 503 | the store failed; the cause is in the log |
/// | 501 | an upload with another condition than `if-none-match: *` |
///
/// Answers to GET are attachments with `nosniff` and a sandboxing policy, so that what a stranger
/// uploaded never runs in the name of the site.
///
/// Over HTTP/1.1, what is left of a refused upload is read and thrown away for 10 seconds or 64 MiB, so
/// that a sender who reads last gets the answer.
///
/// ```
/// use bytes::Bytes;
/// use http_body_util::Empty;
/// use mcsv_storage::{ObjectKey, SigningKeys, Store};
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Store::from_url("memory:")?;
/// let key = ObjectKey::parse("hello.txt")?;
/// store.put(&key, "hello").await?;
/// let signer = store.signer(SigningKeys::random()?).with_public_base("http://localhost/files")?;
///
/// let link = signer.presign_get(&key).sign()?;
/// let request = http::Request::get(link.url()).body(Empty::<Bytes>::new())?;
/// let answer = signer.service().oneshot(request).await?;
/// assert_eq!(answer.status(), 200);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct StorageService {
    signer: Signer,
    limits: UploadLimits,
    origins: Origins,
}

impl StorageService {
    pub(crate) fn new(signer: Signer) -> Self {
        let limits = UploadLimits {
            max_len: 5 << 30,
            idle: Duration::from_secs(30),
            total: Duration::from_secs(60 * 60),
        };
        StorageService { signer, limits, origins: Origins::default() }
    }

    /// The most bytes of any upload, whatever its URL allows; 5 GiB by default.
    #[must_use]
    pub fn with_max_upload(mut self, bytes: u64) -> Self {
        self.limits.max_len = bytes;
        self
    }

    /// How long an upload may pause, 30 seconds by default, and last in all, an hour by default.
    #[must_use]
    pub fn with_upload_timeouts(mut self, idle: Duration, total: Duration) -> Self {
        (self.limits.idle, self.limits.total) = (idle, total);
        self
    }

    /// Lets scripts of pages of `origin`, such as `https://app.example`, upload and download; call it
    /// once for each.
    ///
    /// ```
    /// use mcsv_storage::{SigningKeys, Store};
    ///
    /// # fn main() -> mcsv_storage::Result<()> {
    /// # let signer = Store::from_url("memory:")?.signer(SigningKeys::random()?);
    /// let service = signer
    ///     .service()
    ///     .with_allowed_origin("https://app.example")?
    ///     .with_allowed_origin("http://localhost:5173")?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) for anything but scheme, host and port.
    pub fn with_allowed_origin(mut self, origin: &str) -> Result<Self> {
        self.origins = self.origins.and(origin)?;
        Ok(self)
    }

    /// Lets scripts of all pages upload and download.
    ///
    /// It gives nothing away that the URL does not: the service knows no cookies, and who has a URL
    /// can use it without a browser.
    #[must_use]
    pub fn with_any_origin(mut self) -> Self {
        self.origins = Origins::Any;
        self
    }

    async fn answer<B>(&self, request: Request<B>) -> Response<StorageBody>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (head, body) = request.into_parts();
        let body = DrainedBody::new(&head, body);
        if let Some((status, headers)) = self.origins.preflight(&head.method, &head.headers) {
            let mut answer = Response::new(StorageBody::empty());
            *answer.status_mut() = status;
            answer.headers_mut().extend(headers);
            self.origins.grant(&head.headers, answer.headers_mut());
            return answer;
        }
        let mut answer = self.answer_signed(&head, body).await;
        self.origins.grant(&head.headers, answer.headers_mut());
        answer
    }

    async fn answer_signed<B>(&self, head: &Parts, body: B) -> Response<StorageBody>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        if !matches!(head.method, Method::GET | Method::HEAD | Method::PUT) {
            return wrong_method("GET, HEAD, PUT");
        }
        let granted = self.signer.read_url(head.uri.path(), head.uri.query());
        let (key, claims, left) = match granted {
            Ok(granted) => granted,
            Err(error) => return failure(&error),
        };
        tracing::Span::current().record("storage.key", key.as_str());
        let store = &self.signer.store;
        let answered = match (claims.purpose, head.method == Method::PUT) {
            (Purpose::Get, false) => {
                read(store, &key, &claims, left, &head.method, &head.headers).await
            }
            (Purpose::Put, true) => {
                write(store, &key, claims, self.limits, &head.headers, body).await
            }
            (Purpose::Get, true) => return wrong_method("GET, HEAD"),
            (Purpose::Put, false) => return wrong_method("PUT"),
        };
        answered.unwrap_or_else(|error| failure(&error))
    }
}

fn wrong_method(allowed: &'static str) -> Response<StorageBody> {
    let message = "the link is for another method";
    let mut answer = refusal(StatusCode::METHOD_NOT_ALLOWED, "method", message);
    answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    answer
}

impl<B> Service<Request<B>> for StorageService
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<StorageBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let service = self.clone();
        let method = method_label(request.method());
        let span = tracing::info_span!(
            "signed request",
            http.request.method = method,
            http.response.status_code = Empty,
            storage.key = Empty,
        );
        let work = async move {
            let mut answer = service.answer(request).await;
            guard(&mut answer);
            let status = answer.status().as_u16();
            tracing::Span::current().record("http.response.status_code", status);
            let labels = [("method", method.to_owned()), ("status", status.to_string())];
            metrics::counter!("mcsv_storage_signed_requests_total", &labels).increment(1);
            Ok(answer)
        };
        Box::pin(work.instrument(span))
    }
}

/// A sender chooses the method: it must not choose how many time series there are.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        _ => "_OTHER",
    }
}
