//! Whatever text comes to a parser, the answer is a value that keeps its rules or a typed error.

use std::path::{Component, Path};

use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::{BodyExt, Full};
use mcsv_storage::{ErrorKind, ObjectKey, PageToken, SigningKeys, Store};
use proptest::prelude::*;
use tower::ServiceExt;

#[test]
fn a_service_that_is_not_compiled_in_is_named_and_its_secret_is_not() {
    for url in ["azblob://hunter2@c/?account_key=hunter2", "http://user:hunter2@host/", "x:hunter2"]
    {
        let error = Store::from_url(url).unwrap_err();
        let scheme = url.split(':').next().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains(scheme), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

/// Texts that are nearly right, and texts that are not.
fn text(nearly: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![nearly, ".{0,80}", "[ -~]{0,80}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn a_key_never_leaves_its_folder(text in text("[a-zA-Z0-9._/-]{0,40}")) {
        match ObjectKey::parse(&text) {
            Ok(key) => {
                prop_assert_eq!(key.as_str(), &text);
                let plain = |part| matches!(part, Component::Normal(_));
                prop_assert!(Path::new(key.as_str()).components().all(plain), "{}", text);
                prop_assert_eq!(Path::new(key.as_str()).components().count(), text.split('/').count());
                prop_assert_eq!(text.parse::<PageToken>().unwrap().to_string(), text);
            }
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::InvalidKey),
        }
    }

    #[test]
    fn a_store_url_is_opened_or_its_fault_is_said_without_its_secret(
        start in text("(memory|s3|fs|http):(//)?[a-z]{0,6}"),
        parameters in text("[?](endpoint|region|public_endpoint|addressing)=[a-z:/%@?#]{0,20}"),
    ) {
        // `fs:` would make folders.
        prop_assume!(!start.trim_start().to_ascii_lowercase().starts_with("fs"));
        let url = format!("{start}{parameters}&access_key_id=x&secret_access_key=hunter2");
        if let Err(error) = Store::from_url(&url) {
            prop_assert!(!format!("{error:?} {error}").contains("hunter2"), "{:?}", error);
        }
    }

    #[test]
    fn signing_keys_are_read_or_their_fault_is_said(text in text("([a-z]{0,3}:[A-Za-z0-9+/=]{0,50},?){0,3}")) {
        if let Err(error) = SigningKeys::parse(&text) {
            prop_assert_eq!(error.kind(), ErrorKind::Config);
        }
    }

    #[test]
    fn an_origin_is_read_or_its_fault_is_said(text in text("https?://[a-z.]{0,9}(:[0-9]{0,6})?/?")) {
        let store = Store::from_url("memory:").unwrap();
        let service = store.signer(SigningKeys::random().unwrap()).service();
        if let Err(error) = service.with_allowed_origin(&text) {
            prop_assert_eq!(error.kind(), ErrorKind::Config);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_range_is_answered_by_bytes_that_are_there(range in text("bytes=[0-9]{0,22}-[0-9]{0,22}")) {
        let Ok(value) = HeaderValue::from_str(&range) else { return Ok(()) };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let store = Store::from_url("memory:").unwrap();
            let key = ObjectKey::parse("k").unwrap();
            store.put(&key, "0123456789").await.unwrap();
            let signer = store.signer(SigningKeys::random().unwrap());
            let signer = signer.with_public_base("http://host").unwrap();
            let link = signer.presign_get(&key).sign().unwrap();
            let mut request = Request::get(link.url()).body(Full::<Bytes>::default()).unwrap();
            request.headers_mut().insert("range", value);

            let answer = signer.service().oneshot(request).await.unwrap();
            let (head, body) = answer.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            match head.status.as_u16() {
                200 => assert_eq!(body, "0123456789"),
                206 => {
                    let said = head.headers["content-range"].to_str().unwrap();
                    let (first, last) = said
                        .strip_prefix("bytes ")
                        .and_then(|said| said.strip_suffix("/10")?.split_once('-'))
                        .unwrap();
                    let (first, last): (usize, usize) =
                        (first.parse().unwrap(), last.parse().unwrap());
                    assert_eq!(body, "0123456789"[first..=last]);
                }
                416 => assert_eq!(head.headers["content-range"], "bytes */10"),
                other => panic!("status {other}"),
            }
        });
    }
}
