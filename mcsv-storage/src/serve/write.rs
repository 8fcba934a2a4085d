use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap};
use http::{HeaderValue, Response, StatusCode};
use http_body::Body;

use crate::content_type;
use crate::error::{BoxError, Error, ErrorKind, Result};
use crate::object_key::ObjectKey;
use crate::serve::answer::refusal;
use crate::serve::body::StorageBody;
use crate::serve::deadline_body::deadline_body;
use crate::sign::Claims;
use crate::store::Store;

/// What a service allows of any upload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UploadLimits {
    pub(crate) max_len: u64,
    pub(crate) idle: Duration,
    pub(crate) total: Duration,
}

/// Answers a PUT whose token was found right.
pub(crate) async fn write<B>(
    store: &Store,
    key: &ObjectKey,
    claims: Claims,
    limits: UploadLimits,
    headers: &HeaderMap,
    body: B,
) -> Result<Response<StorageBody>>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let announced = body.size_hint().exact();
    let max_len = claims.max_len.unwrap_or(u64::MAX).min(limits.max_len);
    if let Some(refused) = refuse_early(&claims, max_len, headers, announced) {
        return Ok(refused);
    }
    let mut put = store
        .put_stream(key, deadline_body(body, limits.idle))
        .max_len(max_len.max(claims.exact_len.unwrap_or(0)));
    let sent_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    put = match claims.content_type.as_deref().or(sent_type) {
        Some(media_type) => put.content_type(media_type),
        None => put.sniff_content_type(),
    };
    if let Some(len) = claims.exact_len {
        put = put.exact_len(len);
    }
    if let Some(sha256) = claims.sha256 {
        put = put.sha256(sha256);
    }
    // A sender may ask by itself for what a link can demand.
    let asks = headers.contains_key(header::IF_NONE_MATCH);
    if claims.create_only || asks {
        put = put.create_only();
    }
    let written = tokio::time::timeout(limits.total, put.into_future()).await;
    let written = written.map_err(|_| {
        let slow = format!("upload: not complete after {:?}", limits.total);
        Error::new(ErrorKind::Timeout, slow)
    })?;
    let meta = match written {
        Err(error) if error.is_already_exists() && asks => {
            let message = "there is such an object already";
            return Ok(refusal(StatusCode::PRECONDITION_FAILED, "condition", message));
        }
        written => written?,
    };
    let mut answer = Response::new(StorageBody::empty());
    if let Some(Ok(etag)) = meta.etag.map(|etag| HeaderValue::from_str(&etag)) {
        answer.headers_mut().insert(header::ETAG, etag);
    }
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if claims.create_only {
        *answer.status_mut() = StatusCode::CREATED;
    }
    Ok(answer)
}

/// What can be said before a byte of the content is read.
fn refuse_early(
    claims: &Claims,
    max_len: u64,
    headers: &HeaderMap,
    announced: Option<u64>,
) -> Option<Response<StorageBody>> {
    if headers.contains_key(header::CONTENT_RANGE) {
        // RFC 9110, section 14.4: a server that knows no partial PUT must not take one as whole.
        return Some(refusal(StatusCode::BAD_REQUEST, "partial", "send the whole content at once"));
    }
    if headers.contains_key(header::CONTENT_ENCODING) {
        let message = "send the content as it is, without content-encoding";
        return Some(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "encoded", message));
    }
    let mut nones = headers.get_all(header::IF_NONE_MATCH).iter();
    let other = nones.any(|value| value.as_bytes().trim_ascii() != b"*");
    if other
        || headers.contains_key(header::IF_MATCH)
        || headers.contains_key(header::IF_UNMODIFIED_SINCE)
    {
        // To look and then to write would be no condition.
        let message = "an upload may have the condition if-none-match: * and no other";
        return Some(refusal(StatusCode::NOT_IMPLEMENTED, "condition", message));
    }
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (sent, second) =
        (types.next().map(|value| value.to_str().unwrap_or_default()), types.next());
    let fits = match (&claims.content_type, sent) {
        _ if second.is_some() => false,
        (Some(demanded), Some(sent)) => content_type::same(demanded, sent),
        (Some(_), None) => false,
        (None, Some(sent)) => content_type::check(sent).is_ok(),
        (None, None) => true,
    };
    if !fits {
        let message = match claims.content_type {
            Some(_) => "the content-type is not the one that the link demands",
            None => "the content-type is not one media type",
        };
        return Some(refusal(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type", message));
    }
    match (announced, claims.exact_len) {
        (None, Some(_)) => {
            let message = "send a content-length";
            Some(refusal(StatusCode::LENGTH_REQUIRED, "length_required", message))
        }
        (Some(len), exact) if len > exact.map_or(max_len, |exact| exact.min(max_len)) => {
            let message = "the content is longer than the link allows";
            Some(refusal(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message))
        }
        (Some(len), Some(exact)) if len != exact => {
            let message = "the content is not as long as the link demands";
            Some(refusal(StatusCode::UNPROCESSABLE_ENTITY, "length_mismatch", message))
        }
        _ => None,
    }
}
