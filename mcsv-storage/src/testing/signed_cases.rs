use std::convert::Infallible;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use sha2::{Digest, Sha256};
use tower_service::Service;

use crate::testing::case::{Outcome, cases, equal, key};
use crate::{Result, SignedRequest, Signer, SigningKeys, StorageBody, Store};

cases![
    a_signed_get_reads,
    a_signed_get_answers_head_and_ranges,
    a_signed_put_writes,
    a_signed_put_enforces_each_constraint,
    a_url_is_of_one_method,
];

pub(crate) fn signer(store: &Store) -> Result<Signer> {
    store.signer(SigningKeys::random()?).with_public_base("http://store.test/base/files")
}

pub(crate) async fn send(
    signer: &Signer,
    method: Method,
    link: &SignedRequest,
    header: (&str, &str),
    body: &'static str,
) -> Result<Response<StorageBody>, http::Error> {
    let mut request = Request::builder().method(method).uri(link.url());
    if !header.0.is_empty() {
        request = request.header(header.0, header.1);
    }
    let answer: Result<_, Infallible> =
        signer.service().call(request.body(Full::from(body))?).await;
    Ok(answer.unwrap_or_else(|never| match never {}))
}

pub(crate) const NONE: (&str, &str) = ("", "");

async fn a_signed_get_reads(store: Store) -> Outcome {
    let (k, signer) = (key("a/b.txt")?, signer(&store)?);
    let link = signer.presign_get(&k).sign()?;
    let absent = send(&signer, Method::GET, &link, NONE, "").await?;
    equal(absent.status(), StatusCode::NOT_FOUND)?;
    store.put(&k, "hello").content_type("text/plain").await?;
    let answer = send(&signer, Method::GET, &link, NONE, "").await?;
    equal(answer.status(), StatusCode::OK)?;
    equal(answer.headers()["content-type"].as_bytes(), b"text/plain")?;
    equal(answer.into_body().collect().await?.to_bytes(), Bytes::from("hello"))
}

async fn a_signed_get_answers_head_and_ranges(store: Store) -> Outcome {
    let (k, signer) = (key("k")?, signer(&store)?);
    store.put(&k, "0123456789").await?;
    let link = signer.presign_get(&k).sign()?;
    let head = send(&signer, Method::HEAD, &link, NONE, "").await?;
    equal(head.status(), StatusCode::OK)?;
    equal(head.headers()["content-length"].as_bytes(), b"10")?;
    let part = send(&signer, Method::GET, &link, ("range", "bytes=3-4"), "").await?;
    equal(part.status(), StatusCode::PARTIAL_CONTENT)?;
    equal(part.into_body().collect().await?.to_bytes(), Bytes::from("34"))?;
    let behind = send(&signer, Method::GET, &link, ("range", "bytes=10-"), "").await?;
    equal(behind.status(), StatusCode::RANGE_NOT_SATISFIABLE)?;
    let etag = head.headers().get("etag").ok_or("no etag")?.to_str()?.to_owned();
    let known = send(&signer, Method::GET, &link, ("if-none-match", &etag), "").await?;
    equal(known.status(), StatusCode::NOT_MODIFIED)
}

async fn a_signed_put_writes(store: Store) -> Outcome {
    let (k, signer) = (key("k")?, signer(&store)?);
    let link = signer.presign_put(&k).max_len(5).sign()?;
    for body in ["hello", "again"] {
        let answer = send(&signer, Method::PUT, &link, ("content-type", "a/b"), body).await?;
        equal(answer.status(), StatusCode::OK)?;
        equal(store.get(&k).await?.bytes(9).await?, Bytes::from(body))?;
        equal(store.stat(&k).await?.content_type.as_deref(), Some("a/b"))?;
    }
    Ok(())
}

async fn a_signed_put_enforces_each_constraint(store: Store) -> Outcome {
    let signer = signer(&store)?;
    let k = key("k")?;
    let put = || signer.presign_put(&k);
    let (png, jpeg) = (("content-type", "image/png"), ("content-type", "image/jpeg"));
    let hash = Sha256::digest("hello").into();
    let refused = [
        (put().content_type("image/png"), jpeg, "hello", 415),
        (put().content_type("image/png"), NONE, "hello", 415),
        (put().exact_len(4), NONE, "hello", 413),
        (put().exact_len(6), NONE, "hello", 422),
        (put().max_len(4), NONE, "hello", 413),
        (put().sha256(hash), NONE, "hellO", 422),
        (put(), ("content-encoding", "gzip"), "hello", 415),
        (put(), ("content-range", "bytes 0-4/10"), "hello", 400),
    ];
    for (link, header, body, status) in refused {
        let answer = send(&signer, Method::PUT, &link.sign()?, header, body).await?;
        equal(answer.status().as_u16(), status)?;
        equal(store.stat(&k).await.is_err_and(|e| e.is_not_found()), true)?;
    }
    let link = put().content_type("image/png").exact_len(5).sha256(hash).create_only().sign()?;
    for status in [201, 409] {
        let answer = send(&signer, Method::PUT, &link, png, "hello").await?;
        equal(answer.status().as_u16(), status)?;
    }
    Ok(())
}

async fn a_url_is_of_one_method(store: Store) -> Outcome {
    let (k, signer) = (key("k")?, signer(&store)?);
    store.put(&k, "x").await?;
    let (get, put) = (signer.presign_get(&k).sign()?, signer.presign_put(&k).sign()?);
    for (method, link) in [
        (Method::PUT, &get),
        (Method::DELETE, &get),
        (Method::POST, &put),
        (Method::GET, &put),
        (Method::HEAD, &put),
    ] {
        let answer = send(&signer, method, link, NONE, "y").await?;
        equal(answer.status(), StatusCode::METHOD_NOT_ALLOWED)?;
    }
    equal(store.get(&k).await?.bytes(1).await?, Bytes::from("x"))
}
