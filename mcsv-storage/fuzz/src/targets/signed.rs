//! Any request to the service: `METHOD path` in the first line, then headers, an empty line and the
//! content. `SIG` stands for a genuine token of the path's object, so that what is behind the
//! signature is reached too.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use tower::ServiceExt;

use super::world::{block_on, world};

pub fn run(bytes: &[u8]) {
    block_on(async {
        let (store, signer) = world().await;
        let key = mcsv_storage::ObjectKey::parse("a/b.txt").expect("it is one");
        let put = signer.presign_put(&key).max_len(100).sign().expect("a base is there");
        let get = signer.presign_get(&key).sign().expect("a base is there");
        let is_put = bytes.starts_with(b"PUT");
        let token = if is_put { put.url() } else { get.url() };
        let (_, token) = token.split_once("sig=").expect("the token is there");
        let Some((request, has_token, sent)) = read(bytes, token) else { return };

        let service = signer.service().with_any_origin();
        let (head, body) = service.oneshot(request).await.expect("it never fails").into_parts();
        let body = body.collect().await.expect("an object in memory is whole").to_bytes();
        let stored = store.get(&key).await.expect("it is never deleted");
        let stored = stored.bytes(1 << 20).await.expect("it is short");
        match head.status.as_u16() {
            200 | 206 if !is_put => {
                let part = std::str::from_utf8(&body).expect("it is of digits");
                assert!(has_token && "0123456789".contains(part), "{head:?} {part}");
            }
            200 if is_put => assert!(has_token && stored == sent, "{head:?}"),
            _ => assert_eq!(stored, "0123456789", "{head:?}"),
        }
        assert_eq!(head.headers["x-content-type-options"], "nosniff");
    });
}

fn read(bytes: &[u8], token: &str) -> Option<(Request<Full<Bytes>>, bool, Bytes)> {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n").unwrap_or(bytes.len());
    let content = Bytes::copy_from_slice(bytes.get(end + 2..).unwrap_or_default());
    let mut lines = std::str::from_utf8(&bytes[..end]).ok()?.lines();
    let (method, path) = lines.next()?.split_once(' ')?;
    let uri = path.replace("SIG", token);
    let mut request =
        Request::builder().method(method).uri(&uri).body(Full::from(content.clone())).ok()?;
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        request.headers_mut().append(name, HeaderValue::from_str(value.trim()).ok()?);
    }
    Some((request, uri.contains(token), content))
}
