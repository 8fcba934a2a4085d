//! What a signed URL is good for, and what it is not.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::stream;
use http::{Method, Request, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tower_service::Service;

use crate::error::BoxError;
use crate::testing::case::{Outcome, cases, ensure, equal, key};
use crate::testing::signed_cases::{NONE, send, signer};
use crate::{SigningKeys, Store};

cases![
    a_signed_url_ends_in_time,
    a_changed_signed_url_is_refused,
    a_signed_url_is_of_one_object,
    a_signed_url_is_of_one_key,
    signed_urls_of_one_window_are_equal,
    a_signed_get_answers_as_it_was_signed,
    a_signed_get_of_other_content_ignores_the_range,
    a_signed_put_takes_an_empty_body,
    a_signed_put_bounds_a_body_of_unknown_length,
    an_internal_url_passes_as_well,
];

async fn a_signed_url_ends_in_time(store: Store) -> Outcome {
    let k = key("k")?;
    store.put(&k, "x").await?;
    let end = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() + 60;
    let begin = UNIX_EPOCH + Duration::from_secs(end - 60);
    let signer = signer(&store)?.with_clock(move || begin);
    let link = signer.presign_get(&k).expires_in(Duration::from_secs(60)).sign()?;
    for (second, status) in [(end - 1, StatusCode::OK), (end, StatusCode::FORBIDDEN)] {
        let then = UNIX_EPOCH + Duration::from_secs(second);
        let signer = signer.clone().with_clock(move || then);
        equal(send(&signer, Method::GET, &link, NONE, "").await?.status(), status)?;
    }
    Ok(())
}

async fn a_changed_signed_url_is_refused(store: Store) -> Outcome {
    let (k, signer) = (key("k")?, signer(&store)?);
    store.put(&k, "x").await?;
    let link = signer.presign_get(&k).sign()?;
    let start = link.url().find("sig=").unwrap_or_default() + 4;
    for at in start..link.url().len() {
        let mut changed = link.url().as_bytes().to_vec();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let request = Request::get(String::from_utf8(changed)?);
        let request = request.body(http_body_util::Empty::<Bytes>::new())?;
        equal(signer.service().call(request).await?.status(), StatusCode::FORBIDDEN)?;
    }
    Ok(())
}

async fn a_signed_url_is_of_one_object(store: Store) -> Outcome {
    let (k, signer) = (key("a/k")?, signer(&store)?);
    for text in ["a/k", "a/l", "b/k"] {
        store.put(&key(text)?, "x").await?;
    }
    let link = signer.presign_get(&k).sign()?;
    for other in ["/a/l?", "/b/k?", "/a//k?", "/a/./k?", "/a/x/../k?", "/a/%6b?", "/a/k/?", "/a?"] {
        let url = link.url().replace("/a/k?", other);
        let request = Request::get(url).body(http_body_util::Empty::<Bytes>::new())?;
        let status = signer.service().call(request).await?.status().as_u16();
        ensure(matches!(status, 403 | 404), other)?;
    }
    Ok(())
}

async fn a_signed_url_is_of_one_key(store: Store) -> Outcome {
    let k = key("k")?;
    store.put(&k, "x").await?;
    let [old, new] = ["old", "new"].map(|id| format!("{id}:{}", id.repeat(16)));
    let signer = |keys: &str| {
        store.signer(SigningKeys::parse(keys)?).with_public_base("http://store.test/base/files")
    };
    let link = signer(&old)?.presign_get(&k).sign()?;
    let rotating = signer(&format!("{new},{old}"))?;
    equal(send(&rotating, Method::GET, &link, NONE, "").await?.status(), StatusCode::OK)?;
    let rotated = signer(&new)?;
    equal(send(&rotated, Method::GET, &link, NONE, "").await?.status(), StatusCode::FORBIDDEN)
}

async fn signed_urls_of_one_window_are_equal(store: Store) -> Outcome {
    let (k, signer) = (key("k")?, signer(&store)?);
    let at = |second: u64| {
        let signer = signer.clone().with_clock(move || UNIX_EPOCH + Duration::from_secs(second));
        signer.presign_get(&k).cache_window(Duration::from_secs(300)).sign()
    };
    equal(at(1)?.url(), at(300)?.url())?;
    ensure(at(300)?.url() != at(301)?.url(), "the next window has the same URL")
}

async fn a_signed_get_answers_as_it_was_signed(store: Store) -> Outcome {
    let (k, signer) = (key("k.html")?, signer(&store)?);
    store.put(&k, "<b>").content_type("text/html").await?;
    let link = signer.presign_get(&k).filename("ä b.txt").content_type("text/plain").sign()?;
    let answer = send(&signer, Method::GET, &link, NONE, "").await?;
    equal(answer.headers()["content-type"].as_bytes(), b"text/plain")?;
    let disposition = b"attachment; filename=\"_ b.txt\"; filename*=UTF-8''%C3%A4%20b.txt";
    equal(answer.headers()["content-disposition"].as_bytes(), disposition)?;
    equal(answer.headers()["x-content-type-options"].as_bytes(), b"nosniff")
}

async fn a_signed_get_of_other_content_ignores_the_range(store: Store) -> Outcome {
    let (k, signer) = (key("k")?, signer(&store)?);
    store.put(&k, "0123456789").await?;
    let url = signer.presign_get(&k).sign()?;
    let request = Request::get(url.url()).header("range", "bytes=0-0").header("if-range", "\"x\"");
    let request = request.body(http_body_util::Empty::<Bytes>::new())?;
    let answer = signer.service().call(request).await?;
    equal(answer.status(), StatusCode::OK)?;
    equal(answer.into_body().collect().await?.to_bytes().len(), 10)
}

async fn a_signed_put_takes_an_empty_body(store: Store) -> Outcome {
    let (k, signer) = (key("empty")?, signer(&store)?);
    let link = signer.presign_put(&k).exact_len(0).sign()?;
    equal(send(&signer, Method::PUT, &link, NONE, "").await?.status(), StatusCode::OK)?;
    equal(store.stat(&k).await?.len, 0)
}

async fn a_signed_put_bounds_a_body_of_unknown_length(store: Store) -> Outcome {
    let (k, signer) = (key("k")?, signer(&store)?);
    let bounded = signer.presign_put(&k).max_len(10).sign()?;
    let exact = signer.presign_put(&k).exact_len(8).sign()?;
    for (link, pieces, status) in [
        (&bounded, 3, StatusCode::PAYLOAD_TOO_LARGE),
        (&exact, 2, StatusCode::LENGTH_REQUIRED),
        (&bounded, 2, StatusCode::OK),
    ] {
        let body = stream::iter((0..pieces).map(|_| Ok::<_, BoxError>(Frame::data("1234".into()))));
        let request = Request::put(link.url()).body(StreamBody::new(body))?;
        equal(signer.service().call(request).await?.status(), status)?;
        let is_there = store.stat(&k).await.is_ok();
        equal(is_there, status == StatusCode::OK)?;
    }
    Ok(())
}

async fn an_internal_url_passes_as_well(store: Store) -> Outcome {
    let k = key("k")?;
    store.put(&k, "x").await?;
    let signer = signer(&store)?.with_internal_base("http://inside:8081/other")?;
    let link = signer.presign_get(&k).internal().sign()?;
    ensure(link.url().starts_with("http://inside:8081/other/k?"), "it is for another base")?;
    equal(send(&signer, Method::GET, &link, NONE, "").await?.status(), StatusCode::OK)
}
