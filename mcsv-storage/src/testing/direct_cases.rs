//! What a bucket must do with the URLs that it answers itself. These cases talk to it over HTTP.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use reqwest::{Client, Method, Response, StatusCode};
use sha2::{Digest, Sha256};

use crate::error::BoxError;
use crate::testing::case::{Outcome, cases, ensure, equal, key};
use crate::{ErrorKind, ObjectKey, Result, SignedRequest, Signer, SigningKeys, Store};

cases![
    a_direct_get_reads,
    a_direct_get_reads_ranges,
    a_direct_get_answers_as_it_was_signed,
    a_direct_url_is_of_one_method,
    a_direct_put_writes,
    a_direct_put_takes_an_empty_body,
    a_direct_put_demands_its_type,
    a_direct_put_demands_its_length,
    a_direct_put_demands_its_hash,
    a_direct_put_with_other_content_leaves_nothing,
    a_direct_put_creates_only_once,
    a_direct_put_demands_each_signed_header,
    a_direct_url_ends_in_time,
    a_changed_direct_url_is_refused,
    direct_urls_of_one_window_are_equal,
    a_direct_url_is_never_made_for_what_a_bucket_cannot_enforce,
];

fn signer(store: &Store) -> Result<Signer> {
    store.signer(SigningKeys::random()?).with_direct()
}

async fn send(
    method: Method,
    link: &SignedRequest,
    headers: &[(&str, &str)],
    body: &'static str,
) -> Result<Response, BoxError> {
    let mut signed = link.headers().clone();
    for (name, value) in headers {
        signed.insert(http::HeaderName::try_from(*name)?, http::HeaderValue::from_str(value)?);
    }
    // The length of what is sent, not the one that was signed; the client leaves out only a zero.
    signed.insert(http::header::CONTENT_LENGTH, body.len().into());
    send_bare(method, link.url(), signed, body).await
}

async fn send_bare(
    method: Method,
    url: &str,
    headers: http::HeaderMap,
    body: &'static str,
) -> Result<Response, BoxError> {
    let client = Client::builder().tls_backend_preconfigured(crate::tls::config()?).no_proxy();
    let mut request = client.build()?.request(method.clone(), url).headers(headers);
    if method == Method::PUT || method == Method::POST {
        request = request.body(body);
    }
    Ok(request.send().await?)
}

async fn absent(store: &Store, key: &ObjectKey) -> Outcome {
    ensure(store.stat(key).await.is_err_and(|e| e.is_not_found()), "something is there")
}

async fn a_direct_get_reads(store: Store) -> Outcome {
    let (k, signer) = (key("a/b_c-d.txt")?, signer(&store)?);
    let link = signer.presign_get(&k).sign()?;
    equal(send(Method::GET, &link, &[], "").await?.status(), StatusCode::NOT_FOUND)?;
    store.put(&k, "hello").content_type("text/plain").await?;
    let answer = send(Method::GET, &link, &[], "").await?;
    equal(answer.status(), StatusCode::OK)?;
    equal(answer.headers()["content-type"].as_bytes(), b"text/plain")?;
    equal(answer.bytes().await?, Bytes::from("hello"))?;
    let inside = signer.presign_get(&k).internal().sign()?;
    equal(send(Method::GET, &inside, &[], "").await?.status(), StatusCode::OK)
}

async fn a_direct_get_reads_ranges(store: Store) -> Outcome {
    let k = key("k")?;
    store.put(&k, "0123456789").await?;
    let link = signer(&store)?.presign_get(&k).sign()?;
    let part = send(Method::GET, &link, &[("range", "bytes=3-4")], "").await?;
    equal(part.status(), StatusCode::PARTIAL_CONTENT)?;
    equal(part.bytes().await?, Bytes::from("34"))?;
    let behind = send(Method::GET, &link, &[("range", "bytes=10-")], "").await?;
    equal(behind.status(), StatusCode::RANGE_NOT_SATISFIABLE)
}

async fn a_direct_get_answers_as_it_was_signed(store: Store) -> Outcome {
    let k = key("k.html")?;
    store.put(&k, "<b>").content_type("text/html").await?;
    let link = signer(&store)?.presign_get(&k).filename("ä b.txt").content_type("text/plain");
    let answer = send(Method::GET, &link.sign()?, &[], "").await?;
    equal(answer.status(), StatusCode::OK)?;
    equal(answer.headers()["content-type"].as_bytes(), b"text/plain")?;
    let disposition = b"attachment; filename=\"_ b.txt\"; filename*=UTF-8''%C3%A4%20b.txt";
    equal(answer.headers()["content-disposition"].as_bytes(), disposition)?;
    equal(answer.headers()["cache-control"].as_bytes(), b"private")?;
    ensure(answer.headers().contains_key("expires"), "no expires")
}

async fn a_direct_url_is_of_one_method(store: Store) -> Outcome {
    let (k, signer) = (key("k")?, signer(&store)?);
    store.put(&k, "x").await?;
    let (get, put) = (signer.presign_get(&k).sign()?, signer.presign_put(&k).sign()?);
    for (method, link) in [
        (Method::PUT, &get),
        (Method::HEAD, &get),
        (Method::DELETE, &get),
        (Method::GET, &put),
        (Method::HEAD, &put),
        (Method::DELETE, &put),
    ] {
        equal(send(method, link, &[], "y").await?.status(), StatusCode::FORBIDDEN)?;
    }
    equal(store.get(&k).await?.bytes(1).await?, Bytes::from("x"))
}

async fn a_direct_put_writes(store: Store) -> Outcome {
    let (k, hash) = (key("a/k")?, Sha256::digest("hello").into());
    let put = signer(&store)?.presign_put(&k).content_type("image/png").exact_len(5).max_len(9);
    let link = put.sha256(hash).create_only().sign()?;
    equal(send(Method::PUT, &link, &[], "hello").await?.status(), StatusCode::OK)?;
    equal(store.get(&k).await?.bytes(9).await?, Bytes::from("hello"))?;
    let meta = store.stat(&k).await?;
    equal(meta.content_type.as_deref(), Some("image/png"))?;
    equal(meta.sha256, Some(hash))
}

async fn a_direct_put_takes_an_empty_body(store: Store) -> Outcome {
    let k = key("empty")?;
    let link = signer(&store)?.presign_put(&k).exact_len(0).sign()?;
    equal(send(Method::PUT, &link, &[], "").await?.status(), StatusCode::OK)?;
    equal(store.stat(&k).await?.len, 0)
}

async fn a_direct_put_demands_its_type(store: Store) -> Outcome {
    let k = key("k")?;
    let link = signer(&store)?.presign_put(&k).content_type("image/png").sign()?;
    let answer = send(Method::PUT, &link, &[("content-type", "text/html")], "hello").await?;
    equal(answer.status(), StatusCode::FORBIDDEN)?;
    absent(&store, &k).await
}

async fn a_direct_put_demands_its_length(store: Store) -> Outcome {
    let k = key("k")?;
    let link = signer(&store)?.presign_put(&k).exact_len(5).sign()?;
    for body in ["", "hell", "hello!"] {
        equal(send(Method::PUT, &link, &[], body).await?.status(), StatusCode::FORBIDDEN)?;
        absent(&store, &k).await?;
    }
    equal(send(Method::PUT, &link, &[], "hello").await?.status(), StatusCode::OK)
}

async fn a_direct_put_demands_its_hash(store: Store) -> Outcome {
    let k = key("k")?;
    let link = signer(&store)?.presign_put(&k).sha256(Sha256::digest("hello").into()).sign()?;
    equal(send(Method::PUT, &link, &[], "hellO").await?.status(), StatusCode::BAD_REQUEST)?;
    let forged = [("x-amz-checksum-sha256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")];
    equal(send(Method::PUT, &link, &forged, "").await?.status(), StatusCode::FORBIDDEN)?;
    equal(send(Method::PUT, &link, &[], "hello").await?.status(), StatusCode::OK)
}

async fn a_direct_put_with_other_content_leaves_nothing(store: Store) -> Outcome {
    let k = key("k")?;
    let link = signer(&store)?.presign_put(&k).sha256(Sha256::digest("hello").into()).sign()?;
    ensure(!send(Method::PUT, &link, &[], "hellO").await?.status().is_success(), "it was taken")?;
    absent(&store, &k).await
}

async fn a_direct_put_creates_only_once(store: Store) -> Outcome {
    let k = key("k")?;
    let link = signer(&store)?.presign_put(&k).create_only().sign()?;
    equal(send(Method::PUT, &link, &[], "first").await?.status(), StatusCode::OK)?;
    let second = send(Method::PUT, &link, &[], "second").await?;
    equal(second.status(), StatusCode::PRECONDITION_FAILED)?;
    equal(store.get(&k).await?.bytes(9).await?, Bytes::from("first"))
}

async fn a_direct_put_demands_each_signed_header(store: Store) -> Outcome {
    let k = key("k")?;
    let hash = Sha256::digest("hello").into();
    let put = signer(&store)?.presign_put(&k).content_type("image/png").sha256(hash);
    let link = put.create_only().sign()?;
    equal(link.headers().len(), 4)?;
    for name in link.headers().keys() {
        let mut headers = link.headers().clone();
        headers.remove(name);
        let answer = send_bare(Method::PUT, link.url(), headers, "hello").await?;
        ensure(answer.status().is_client_error(), name.as_str())?;
        absent(&store, &k).await?;
    }
    Ok(())
}

async fn a_direct_url_ends_in_time(store: Store) -> Outcome {
    let k = key("k")?;
    store.put(&k, "x").await?;
    for (ago, status) in [(60, StatusCode::OK), (200, StatusCode::FORBIDDEN)] {
        let then = SystemTime::now() - Duration::from_secs(ago);
        let signer = signer(&store)?.with_clock(move || then);
        let link = signer.presign_get(&k).expires_in(Duration::from_secs(120)).sign()?;
        equal(send(Method::GET, &link, &[], "").await?.status(), status)?;
    }
    Ok(())
}

async fn a_changed_direct_url_is_refused(store: Store) -> Outcome {
    let k = key("a/k")?;
    store.put(&k, "x").await?;
    store.put(&key("a/l")?, "y").await?;
    let link = signer(&store)?.presign_get(&k).content_type("text/plain").sign()?;
    let changes = [
        ("/a/k?", "/a/l?"),
        ("X-Amz-Expires=900", "X-Amz-Expires=901"),
        ("text%2Fplain", "text%2Fhtml"),
        ("attachment", "inline"),
        ("X-Amz-SignedHeaders=host", "X-Amz-SignedHeaders="),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
    ];
    for (from, to) in changes {
        let changed = link.url().replacen(from, to, 1);
        ensure(changed != link.url(), from)?;
        let answer = send_bare(Method::GET, &changed, http::HeaderMap::new(), "").await?;
        ensure(answer.status().is_client_error(), from)?;
    }
    Ok(())
}

async fn direct_urls_of_one_window_are_equal(store: Store) -> Outcome {
    let k = key("k")?;
    store.put(&k, "x").await?;
    let window = Duration::from_secs(600);
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() / 600 * 600;
    let sign = |second: u64| {
        let signer = signer(&store)?.with_clock(move || UNIX_EPOCH + Duration::from_secs(second));
        signer.presign_get(&k).expires_in(window).cache_window(window).sign()
    };
    let (first, last, next) = (sign(now - 599)?, sign(now)?, sign(now + 1)?);
    equal(first.url(), last.url())?;
    ensure(next.url() != last.url(), "the next window has the same URL")?;
    equal(send(Method::GET, &last, &[], "").await?.status(), StatusCode::OK)
}

async fn a_direct_url_is_never_made_for_what_a_bucket_cannot_enforce(store: Store) -> Outcome {
    let (k, signer) = (key("k")?, signer(&store)?);
    let kind = |signed: Result<SignedRequest>| signed.map_err(|e| e.kind()).err();
    equal(kind(signer.presign_put(&k).max_len(5).sign()), Some(ErrorKind::Unsupported))?;
    let vast = signer.presign_put(&k).exact_len((5 << 30) + 1);
    equal(kind(vast.sign()), Some(ErrorKind::InvalidOption))?;
    // The relay counts: there the same constraint is one.
    let relay = signer.with_relay().with_public_base("http://store.test/base/files")?;
    let link = relay.presign_put(&k).max_len(5).sign()?;
    ensure(link.url().starts_with("http://store.test/base/files/"), "it is not relayed")
}
