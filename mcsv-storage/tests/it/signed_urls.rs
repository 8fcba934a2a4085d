use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use mcsv_storage::{ErrorKind, ObjectKey, Signer, SigningKeys, StorageBody, Store};
use proptest::prelude::*;
use tower::ServiceExt;

use crate::forgery::{accepted, refused};

fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

async fn world() -> (Store, Signer) {
    let store = Store::from_url("memory:").unwrap();
    store.put(&key("a/b.txt"), "hello").content_type("text/html").await.unwrap();
    let signer = store.signer(SigningKeys::random().unwrap());
    let signer = signer.with_public_base("https://host.test/user_svc/ImageLoader").unwrap();
    (store, signer.with_internal_base("http://user-svc:8081/inside").unwrap())
}

async fn get(signer: &Signer, url: &str) -> Response<StorageBody> {
    let request = Request::get(url).body(Full::<Bytes>::default()).unwrap();
    signer.service().oneshot(request).await.unwrap()
}

#[tokio::test]
async fn a_download_can_do_no_harm_to_its_site() {
    let (_, signer) = world().await;
    let link = signer.presign_get(&key("a/b.txt")).filename("ä b.pdf").sign().unwrap();
    let answer = get(&signer, link.url()).await;

    let header = |name: &str| answer.headers()[name].to_str().unwrap();
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(header("referrer-policy"), "no-referrer");
    assert_eq!(
        header("content-disposition"),
        "attachment; filename=\"_ b.pdf\"; filename*=UTF-8''%C3%A4%20b.pdf"
    );
    assert_eq!(header("accept-ranges"), "bytes");
}

#[tokio::test]
async fn a_url_ends_to_the_second_and_no_cache_outlives_it() {
    let now = Arc::new(AtomicU64::new(1_000_000));
    let clock = Arc::clone(&now);
    let (_, signer) = world().await;
    let signer =
        signer.with_clock(move || UNIX_EPOCH + Duration::from_secs(clock.load(Ordering::Relaxed)));
    let link = signer.presign_get(&key("a/b.txt")).expires_in(Duration::from_secs(60));
    let link = link.sign().unwrap();
    assert_eq!(link.expires_at(), UNIX_EPOCH + Duration::from_secs(1_000_060));

    now.store(1_000_059, Ordering::Relaxed);
    let answer = get(&signer, link.url()).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["cache-control"], "private, max-age=1");

    now.store(1_000_060, Ordering::Relaxed);
    let answer = get(&signer, link.url()).await;
    assert_eq!(answer.status(), 403);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let text = answer.into_body().collect().await.unwrap().to_bytes();
    assert!(text.starts_with(b"{\"code\":\"expired\""), "{text:?}");
}

#[tokio::test]
async fn urls_of_one_window_are_equal() {
    let (_, signer) = world().await;
    let sign_at = |second: u64| {
        let signer = signer.clone().with_clock(move || UNIX_EPOCH + Duration::from_secs(second));
        let link = signer.presign_get(&key("a/b.txt")).expires_in(Duration::from_secs(600));
        link.cache_window(Duration::from_secs(300)).sign().unwrap().url().to_owned()
    };

    assert_eq!(sign_at(1), sign_at(300));
    assert_ne!(sign_at(300), sign_at(301));
}

#[tokio::test]
async fn a_part_of_a_second_counts_as_one() {
    let (_, signer) = world().await;
    let signer = signer.with_clock(|| UNIX_EPOCH + Duration::from_secs(1_001));
    let end = |life: u64, window: u64| {
        let link = signer.presign_get(&key("a/b.txt")).expires_in(Duration::from_millis(life));
        let link = link.cache_window(Duration::from_millis(window)).sign().unwrap();
        link.expires_at().duration_since(UNIX_EPOCH).unwrap().as_secs()
    };

    assert_eq!(end(1_900, 0), 1_003);
    assert_eq!(end(2_000, 0), 1_003);
    assert_eq!(end(1_000, 500), 1_002);
    assert_eq!(end(1_000, 2_500), 1_002);
    assert_eq!(end(1_001, 2_500), 1_005);
}

#[tokio::test]
async fn one_service_answers_at_both_bases() {
    let (_, signer) = world().await;
    let public = signer.presign_get(&key("a/b.txt")).sign().unwrap();
    let internal = signer.presign_get(&key("a/b.txt")).internal().sign().unwrap();

    assert!(public.url().starts_with("https://host.test/user_svc/ImageLoader/a/b.txt?sig="));
    assert!(internal.url().starts_with("http://user-svc:8081/inside/a/b.txt?sig="));
    assert_eq!(get(&signer, public.url()).await.status(), 200);
    assert_eq!(get(&signer, internal.url()).await.status(), 200);
    // A server usually sees the path alone.
    let path = public.url().strip_prefix("https://host.test").unwrap();
    assert_eq!(get(&signer, path).await.status(), 200);
}

#[tokio::test]
async fn any_other_spelling_is_refused() {
    let (store, signer) = world().await;
    store.put(&key("a/c.txt"), "other").await.unwrap();
    let link = signer.presign_get(&key("a/b.txt")).sign().unwrap();
    let (path, query) = link.url().split_once('?').unwrap();
    let token = query.strip_prefix("sig=").unwrap();
    let spellings = [
        path.to_owned(),
        format!("{path}?"),
        format!("{path}?sig="),
        format!("{path}?{token}"),
        format!("{path}?SIG={token}"),
        format!("{path}?sig={token}&"),
        format!("{path}?sig={token}&x=1"),
        format!("{path}?x=1&sig={token}"),
        format!("{path}?sig={token}&sig={token}"),
        format!("{path}?sig={token}="),
        format!("{path}?sig={token}%3D"),
        format!("{path}?sig=%{:02x}{}", token.as_bytes()[0], &token[1..]),
        format!("{path}/?sig={token}"),
        format!("{path}?sig={}", token.to_lowercase()),
        format!("{}?sig={token}", path.replace("b.txt", "c.txt")),
        format!("{}?sig={token}", path.replace("b.txt", "B.txt")),
        format!("{}?sig={token}", path.replace("b.txt", "%62.txt")),
        format!("{}?sig={token}", path.replace("a/b", "a//b")),
        format!("{}?sig={token}", path.replace("a/b", "a/./b")),
        format!("{}?sig={token}", path.replace("a/b", "x/../a/b")),
        format!("{}?sig={token}", path.replace("ImageLoader", "imageloader")),
        format!("{}?sig={token}", path.replace("/user_svc", "")),
    ];
    for spelling in spellings {
        let status = get(&signer, &spelling).await.status().as_u16();
        assert!(matches!(status, 403 | 404), "{spelling}: {status}");
    }
}

#[tokio::test]
async fn keys_rotate_without_breaking_links() {
    let store = Store::from_url("memory:").unwrap();
    store.put(&key("k"), "x").await.unwrap();
    let signer = |keys: &str| {
        store.signer(SigningKeys::parse(keys).unwrap()).with_public_base("http://h").unwrap()
    };
    let [old, new] = ["old", "new"].map(|id| format!("{id}:{}", id.repeat(16)));
    let link = signer(&old).presign_get(&key("k")).sign().unwrap();

    assert_eq!(get(&signer(&format!("{new},{old}")), link.url()).await.status(), 200);
    assert_eq!(get(&signer(&new), link.url()).await.status(), 403);
}

#[test]
fn what_cannot_be_signed_is_said_at_once() {
    let store = Store::from_url("memory:").unwrap();
    let bare = store.signer(SigningKeys::random().unwrap());
    let kind = |signed: mcsv_storage::Result<_>| signed.unwrap_err().kind();
    assert_eq!(kind(bare.presign_get(&key("k")).sign()), ErrorKind::Config);
    for bad in ["", "host", "ftp://h", "http://u:p@h", "http://h/?x", "http://h/#x", "http://h/ä"]
    {
        assert!(bare.clone().with_public_base(bad).is_err(), "{bad}");
    }

    let signer = bare.with_public_base("http://h").unwrap();
    let week = Duration::from_secs(7 * 24 * 3600);
    for bad in [Duration::ZERO, Duration::from_millis(999), week + Duration::from_secs(1)] {
        let signed = signer.presign_get(&key("k")).expires_in(bad).sign();
        assert_eq!(kind(signed), ErrorKind::InvalidOption, "{bad:?}");
    }
    assert!(signer.presign_get(&key("k")).expires_in(week).sign().is_ok());
    for bad in ["", "a/b", "a\\b", "a\nb", "a\u{202e}gpj.exe", "a\u{2067}b", &"x".repeat(201)] {
        let signed = signer.presign_get(&key("k")).filename(bad).sign();
        assert_eq!(kind(signed), ErrorKind::InvalidOption, "{bad:?}");
    }
    let contradiction = signer.presign_put(&key("k")).exact_len(5).max_len(4).sign();
    assert_eq!(kind(contradiction), ErrorKind::InvalidOption);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn a_url_with_one_byte_changed_added_or_removed_reads_nothing(
        at in any::<prop::sample::Index>(),
        byte in proptest::char::range('!', '~'),
        how in 0..3,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (_, signer) = world().await;
            let link = signer.presign_get(&key("a/b.txt")).sign().unwrap();
            // What the server sees; a fragment never leaves a client.
            let url = link.url().strip_prefix("https://host.test").unwrap();
            let mut changed: Vec<char> = url.chars().collect();
            let at = at.index(changed.len());
            match how {
                0 => changed[at] = byte,
                1 => changed.insert(at, byte),
                _ => { changed.remove(at); }
            }
            let changed: String = changed.into_iter().collect();
            let sent: Result<http::Uri, _> = changed.split('#').next().unwrap().parse();
            if let Ok(uri) = sent && uri.path_and_query().map(|sent| sent.as_str()) != Some(url) {
                let request = Request::get(uri).body(Full::<Bytes>::default()).unwrap();
                let answer = signer.service().oneshot(request).await.unwrap();
                assert!(matches!(answer.status().as_u16(), 403 | 404), "{changed}");
            }
        });
    }
}

async fn asked(signer: &Signer, origin: &str, method: &str, path: &str) -> (u16, http::HeaderMap) {
    let service = signer.service().with_allowed_origin("https://app.test").unwrap();
    let service = service.with_allowed_origin("HTTP://localhost:5173/").unwrap();
    let request = Request::builder().method(method).uri(path).header("origin", origin);
    let request = request.header("access-control-request-method", "PUT");
    let answer = service.oneshot(request.body(Full::<Bytes>::default()).unwrap()).await.unwrap();
    (answer.status().as_u16(), answer.headers().clone())
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_upload_and_no_other() {
    let (_, signer) = world().await;
    let put = signer.presign_put(&key("new")).sign().unwrap();
    let get = signer.presign_get(&key("a/b.txt")).sign().unwrap();
    for origin in ["https://app.test", "http://localhost:5173"] {
        let (status, headers) = asked(&signer, origin, "OPTIONS", put.url()).await;
        assert_eq!(status, 204);
        assert_eq!(headers["access-control-allow-origin"], origin);
        assert_eq!(headers["access-control-allow-methods"], "GET, HEAD, PUT");
        let allowed = headers["access-control-allow-headers"].to_str().unwrap();
        for condition in ["match", "none-match", "modified-since", "unmodified-since", "range"] {
            let name = format!("if-{condition}");
            assert!(allowed.split(", ").any(|header| header == name), "{name}: {allowed}");
        }
        for (method, link) in [("PUT", &put), ("GET", &get)] {
            let (status, headers) = asked(&signer, origin, method, link.url()).await;
            assert_eq!(status, 200);
            assert_eq!(headers["access-control-allow-origin"], origin);
            assert_eq!(headers["vary"], "origin");
        }
        // A script can read why it was refused.
        let (status, headers) = asked(&signer, origin, "GET", put.url()).await;
        assert_eq!(status, 405);
        assert_eq!(headers["access-control-allow-origin"], origin);
    }
    for origin in ["https://app.test.evil", "http://app.test", "https://app.test:8443", "null"] {
        let (_, headers) = asked(&signer, origin, "OPTIONS", put.url()).await;
        assert!(!headers.contains_key("access-control-allow-origin"), "{origin}");
        assert_eq!(headers["vary"], "origin");
    }
}

#[tokio::test]
async fn a_preflight_is_refused_unless_it_was_switched_on() {
    let (_, signer) = world().await;
    let ask = || {
        let request = Request::options("/user_svc/ImageLoader/new").header("origin", "https://x");
        let request = request.header("access-control-request-method", "PUT");
        request.body(Full::<Bytes>::default()).unwrap()
    };
    let answer = signer.service().oneshot(ask()).await.unwrap();
    assert_eq!(answer.status(), 405);
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
    let answer = signer.service().with_any_origin().oneshot(ask()).await.unwrap();
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    for bad in ["", "app.test", "https://app.test/x", "https://u@app.test", "ftp://app.test"] {
        assert!(signer.service().with_allowed_origin(bad).is_err(), "{bad}");
    }
}

/// `cargo xtask storage forgery` does the same a million times.
#[tokio::test]
async fn no_request_that_was_forged_at_random_is_accepted() {
    let seed = u64::from(std::process::id());
    assert_eq!(accepted(20_000, seed).await.unwrap(), [""; 0], "seed {seed}");
}

#[tokio::test]
async fn every_honest_request_is_accepted() {
    let seed = u64::from(std::process::id());
    assert_eq!(refused(2_000, seed).await.unwrap(), [""; 0], "seed {seed}");
}
