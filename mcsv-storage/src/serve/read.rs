use std::time::{Duration, SystemTime};

use http::header::{self, HeaderMap};
use http::{HeaderValue, Method, Response, StatusCode};

use crate::error::Result;
use crate::get::{Object, Source};
use crate::object_key::ObjectKey;
use crate::object_meta::ObjectMeta;
use crate::observe::observe;
use crate::serve::answer::refusal;
use crate::serve::body::StorageBody;
use crate::serve::conditions::{Asked, asked_range, is_another, is_known};
use crate::sign::{Claims, encode};
use crate::store::Store;

/// Answers a GET or HEAD whose token was found right; `left` is how long it still is.
pub(crate) async fn read(
    store: &Store,
    key: &ObjectKey,
    claims: &Claims,
    left: Duration,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response<StorageBody>> {
    let found = Source::open(store, key);
    let (meta, source) = observe("storage.get", store.backend_label(), key.as_str(), found).await?;
    let mut answer = Response::new(StorageBody::empty());
    describe(answer.headers_mut(), &meta, left);
    if is_another(headers, meta.etag.as_deref(), meta.last_modified) {
        let message = "the object is not the one that was asked for";
        return Ok(refusal(StatusCode::PRECONDITION_FAILED, "condition", message));
    }
    if is_known(headers, meta.etag.as_deref(), meta.last_modified) {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(answer);
    }
    let head = *method == Method::HEAD;
    // A range has a meaning for GET only (RFC 9110, section 14.2).
    let asked = match head {
        true => Asked::Whole,
        false => asked_range(headers, meta.len, meta.etag.as_deref()),
    };
    let range = match asked {
        Asked::Whole => 0..meta.len,
        Asked::Part(range) => {
            *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
            let value = format!("bytes {}-{}/{}", range.start, range.end - 1, meta.len);
            insert(answer.headers_mut(), header::CONTENT_RANGE, &value);
            range
        }
        Asked::Missing => {
            let status = StatusCode::RANGE_NOT_SATISFIABLE;
            let mut answer = refusal(status, "range", "the range is behind the end of the object");
            insert(answer.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{}", meta.len));
            return Ok(answer);
        }
    };
    let kept = answer.headers_mut();
    let media_type = claims.content_type.as_deref().or(meta.content_type.as_deref());
    insert(kept, header::CONTENT_TYPE, media_type.unwrap_or("application/octet-stream"));
    let name = claims.filename.as_deref().unwrap_or(key.file_name());
    insert(kept, header::CONTENT_DISPOSITION, &disposition(claims, name));
    let len = range.end - range.start;
    kept.insert(header::CONTENT_LENGTH, len.into());
    if !head && len > 0 {
        let object = Object::open(store, meta, source, range).await?;
        *answer.body_mut() = StorageBody::object(object.into_stream(), len);
    }
    Ok(answer)
}

/// What 200, 206 and 304 all say.
fn describe(headers: &mut HeaderMap, meta: &ObjectMeta, left: Duration) {
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // A copy must not outlive the right to read it, nor be shared.
    insert(headers, header::CACHE_CONTROL, &format!("private, max-age={}", left.as_secs()));
    if let Some(etag) = &meta.etag {
        insert(headers, header::ETAG, etag);
    }
    if let Some(modified) = meta.last_modified.filter(|at| *at >= SystemTime::UNIX_EPOCH) {
        insert(headers, header::LAST_MODIFIED, &httpdate::fmt_http_date(modified));
    }
}

fn insert(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    // A store may hold a type or tag, not of our making, that no header can.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// How a browser takes the object, and its `name`: in ASCII, and in full as of [RFC 6266].
///
/// [RFC 6266]: https://www.rfc-editor.org/rfc/rfc6266
pub(crate) fn disposition(claims: &Claims, name: &str) -> String {
    let plain = |byte: u8| (b' '..=b'~').contains(&byte) && !matches!(byte, b'"' | b'\\' | b'%');
    let how = if claims.inline { "inline" } else { "attachment" };
    if name.bytes().all(plain) {
        return [how, "; filename=\"", name, "\""].concat();
    }
    let plain = |c: char| u8::try_from(c).is_ok_and(plain);
    let ascii: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    format!("{how}; filename=\"{ascii}\"; filename*=UTF-8''{}", encode(name, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::Purpose;

    #[test]
    fn a_file_name_stays_inside_its_quotes() {
        let mut claims = Claims::new(Purpose::Get, 1);
        assert_eq!(disposition(&claims, "a b.pdf"), "attachment; filename=\"a b.pdf\"");
        assert_eq!(
            disposition(&claims, "ä\"\r\nx"),
            "attachment; filename=\"____x\"; filename*=UTF-8''%C3%A4%22%0D%0Ax"
        );
        claims.inline = true;
        assert_eq!(disposition(&claims, "a"), "inline; filename=\"a\"");
    }
}
