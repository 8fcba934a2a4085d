use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use http_body::{Body, Frame, SizeHint};

use crate::error::{Error, ErrorKind, Result};
use crate::fetch::fetcher::{Fetcher, observed, parse};
use crate::fetch::transport_error::transport_error;
use crate::put_body::{ByteStream, PutBody};
use crate::sign::Purpose;

/// An upload that is about to happen; made by [`Fetcher::put`], done by `.await`.
///
/// It follows no redirect: the body would have to be sent twice.
///
/// # Errors
///
/// As with [`FetchGet`](crate::FetchGet); also [`InvalidOption`](ErrorKind::InvalidOption) for a
/// bad header or a stream without a length, [`LengthMismatch`](ErrorKind::LengthMismatch) for a
/// stream that isn't as long as was said, and [`Body`](ErrorKind::Body) if it failed.
#[must_use = "an upload does nothing until it is awaited"]
pub struct FetchPut {
    fetcher: Fetcher,
    url: String,
    body: PutBody,
    headers: Result<HeaderMap>,
    exact_len: Option<u64>,
}

impl FetchPut {
    pub(crate) fn new(fetcher: Fetcher, url: String, body: PutBody) -> Self {
        FetchPut { fetcher, url, body, headers: Ok(HeaderMap::new()), exact_len: None }
    }

    /// Sends this `content-type`.
    pub fn content_type(self, media_type: &str) -> Self {
        self.header(CONTENT_TYPE.as_str(), media_type)
    }

    /// Sends a header, such as one that came with a signed URL.
    ///
    /// `content-length` is taken as [`exact_len`](Self::exact_len). A bad pair is an error when the
    /// upload is awaited.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if name.eq_ignore_ascii_case(header::CONTENT_LENGTH.as_str())
            && let Ok(len) = value.parse()
        {
            self.exact_len = Some(len);
            return self;
        }
        self.headers = self.headers.and_then(|mut headers| {
            let fault = || {
                let shown: String = name.chars().take(64).collect();
                Error::new(
                    ErrorKind::InvalidOption,
                    format!("fetch: header {shown:?} can't be sent"),
                )
            };
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| fault())?;
            let value = HeaderValue::from_str(value).map_err(|_| fault())?;
            const OURS: [HeaderName; 4] = [
                header::HOST,
                header::CONTENT_LENGTH,
                header::TRANSFER_ENCODING,
                header::CONNECTION,
            ];
            if OURS.contains(&name) {
                return Err(fault());
            }
            headers.insert(name, value);
            Ok(headers)
        });
        self
    }

    /// How many bytes the body has, which a stream doesn't say itself.
    pub fn exact_len(mut self, bytes: u64) -> Self {
        self.exact_len = Some(bytes);
        self
    }

    async fn run(self) -> Result<()> {
        let url = parse(&self.url)?;
        let server = self.fetcher.admit(&url, Purpose::Put)?;
        tracing::Span::current().record("server.address", server.origin.host().to_string());
        let len = match (self.body.whole_len(), self.exact_len) {
            (Some(len), Some(exact)) if len != exact => {
                let message = format!("fetch: the body has {len} bytes, {exact} were announced");
                return Err(Error::new(ErrorKind::LengthMismatch, message));
            }
            (len, exact) => len.or(exact).ok_or_else(|| {
                let message = "fetch: a stream needs exact_len";
                Error::new(ErrorKind::InvalidOption, message)
            })?,
        };
        let body = reqwest::Body::wrap(ExactBody::new(self.body.into_stream(), len));
        let request = server.client.put(url).headers(self.headers?).body(body);
        let request = server.with_trace(request.timeout(self.fetcher.policy().timeout));
        let answer = request.send().await.map_err(|e| transport_error(e, &server.origin))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let message = format!("fetch: {} answered with status {status}", server.origin);
        Err(Error::new(ErrorKind::Status(status.as_u16()), message))
    }
}

impl IntoFuture for FetchPut {
    type Output = Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(observed("PUT", self.run()))
    }
}

impl fmt::Debug for FetchPut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchPut").field("body", &self.body).finish_non_exhaustive()
    }
}

/// A body of a length that is known before its bytes are, and held to it.
struct ExactBody {
    // The client wants a body that may be shared; nobody but its poll gets at the stream.
    stream: Mutex<ByteStream>,
    left: u64,
}

impl ExactBody {
    fn new(stream: ByteStream, len: u64) -> Self {
        ExactBody { stream: Mutex::new(stream), left: len }
    }
}

impl Body for ExactBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>>>> {
        let this = &mut *self;
        let stream = this.stream.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        let piece = match std::task::ready!(stream.as_mut().poll_next(cx)) {
            None if this.left == 0 => return Poll::Ready(None),
            None => Err(wrong_len()),
            Some(Err(cause)) => Err(match cause.downcast::<Error>() {
                Ok(ours) => *ours,
                Err(cause) => {
                    Error::new(ErrorKind::Body, "the source of the body failed").with_source(cause)
                }
            }),
            Some(Ok(piece)) => {
                let left = this.left.checked_sub(piece.len() as u64);
                left.map(|left| {
                    this.left = left;
                    Frame::data(piece)
                })
                .ok_or_else(wrong_len)
            }
        };
        Poll::Ready(Some(piece))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

fn wrong_len() -> Error {
    Error::new(ErrorKind::LengthMismatch, "the body is not as long as was announced")
}
