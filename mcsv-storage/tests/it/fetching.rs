use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use mcsv_core::TraceContext;
use mcsv_storage::{ErrorKind, FetchPolicy, Fetcher, ObjectKey, PutBody, SigningKeys, Store};
use tower::service_fn;

use crate::server::{listen, serve};

type Answer = Response<UnsyncBoxBody<Bytes, std::io::Error>>;

fn status(status: u16) -> http::response::Builder {
    Response::builder().status(status)
}

fn full(bytes: impl Into<Bytes>) -> UnsyncBoxBody<Bytes, std::io::Error> {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

async fn answer(request: Request<Incoming>) -> Result<Answer, Infallible> {
    let endless = stream::repeat_with(|| Ok(Frame::data(Bytes::from(vec![0; 1000]))));
    let header = |name: &str| {
        request.headers().get(name).map_or("none", |value| value.to_str().unwrap()).to_owned()
    };
    let built = match request.uri().path() {
        "/hello" => status(200).header("content-type", "text/plain").body(full("hello")),
        "/part" => status(206).header("content-range", "bytes 0-4/9").body(full("hello")),
        "/types" => {
            status(200).header("content-type", "text/plain; , text/html").body(full("hello"))
        }
        "/trace" => status(200).body(full(header("traceparent"))),
        "/endless" => status(200).body(BodyExt::boxed_unsync(StreamBody::new(endless))),
        "/silent" => std::future::pending().await,
        "/stalls" => {
            let stalls = stream::iter([Ok(Frame::data(Bytes::from("a")))]).chain(stream::pending());
            status(200).body(BodyExt::boxed_unsync(StreamBody::new(stalls)))
        }
        "/zip" => status(200).header("content-encoding", "gzip").body(full("not unpacked")),
        "/once" => status(302).header("location", "/hello").body(full("")),
        "/for-ever" => status(302).header("location", "/for-ever").body(full("")),
        "/inwards" => status(302).header("location", "http://10.0.0.1/").body(full("")),
        "/scheme" => status(302).header("location", "file:///etc/passwd").body(full("")),
        "/nowhere" => status(302).body(full("")),
        "/busy" => status(503).body(full("secret words")),
        _ => status(404).body(full("secret words")),
    };
    Ok(built.unwrap())
}

async fn world(policy: FetchPolicy) -> (Fetcher, String) {
    let (listener, address) = listen().await;
    serve(listener, service_fn(answer)).await;
    let base = format!("http://{address}");
    (Fetcher::new(policy.allow_origin(&base).unwrap()).unwrap(), base)
}

#[tokio::test]
async fn fetches_from_an_allowed_origin() {
    let (fetcher, base) = world(FetchPolicy::new()).await;

    let fetched = fetcher.get(format!("{base}/hello?secret=1")).await.unwrap();
    assert_eq!((fetched.content_type(), fetched.len()), (Some("text/plain"), Some(5)));
    assert_eq!(fetched.bytes().await.unwrap(), "hello");
    let packed = fetcher.get(format!("{base}/zip")).await.unwrap();
    assert_eq!(packed.bytes().await.unwrap(), "not unpacked");
}

#[tokio::test]
async fn sends_the_trace_along() {
    let (fetcher, base) = world(FetchPolicy::new()).await;
    let context = TraceContext::random_root();

    let fetched = context.clone().scope(fetcher.get(format!("{base}/trace")).into_future()).await;

    assert_eq!(fetched.unwrap().bytes().await.unwrap(), context.traceparent());
    let without = fetcher.get(format!("{base}/trace")).await.unwrap();
    assert_eq!(without.bytes().await.unwrap(), "none");
}

#[tokio::test]
async fn takes_only_the_types_that_it_may() {
    for (allowed, taken) in [("text/*", true), ("TEXT/plain", true), ("image/*", false)] {
        let (fetcher, base) = world(FetchPolicy::new().allow_type(allowed).unwrap()).await;
        let fetched = fetcher.get(format!("{base}/hello")).await;
        assert_eq!(fetched.is_ok(), taken, "{allowed}");
        // It says no type.
        assert!(fetcher.get(format!("{base}/trace")).await.is_err_and(|e| e.is_refused()));
    }
    for bad in ["", "image", "image/png; q=1", "a/b/c", "*/*", "image/p*"] {
        assert!(FetchPolicy::new().allow_type(bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn takes_no_list_for_a_type() {
    let (fetcher, base) = world(FetchPolicy::new().allow_type("text/plain").unwrap()).await;
    assert!(fetcher.get(format!("{base}/types")).await.is_err_and(|e| e.is_refused()));
    for bad in ["image/png, text/html", "image/png ", "image/png;", "*/png", "/*"] {
        assert!(FetchPolicy::new().allow_type(bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn takes_no_part_for_the_whole() {
    let (fetcher, base) = world(FetchPolicy::new()).await;
    let part = fetcher.get(format!("{base}/part")).await.unwrap_err();
    assert_eq!((part.kind(), part.is_retryable()), (ErrorKind::Status(206), false), "{part}");
}

#[tokio::test]
async fn copies_into_a_writer_as_far_as_the_limit_goes() {
    let (fetcher, base) = world(FetchPolicy::new().with_max_len(10_000)).await;
    let mut written = Vec::new();
    let fetched = fetcher.get(format!("{base}/hello")).await.unwrap();
    assert_eq!((fetched.copy_to(&mut written).await.unwrap(), &written[..]), (5, &b"hello"[..]));

    let endless = fetcher.get(format!("{base}/endless")).await.unwrap();
    assert!(endless.copy_to(&mut written).await.unwrap_err().is_too_large());
    assert!(written.len() <= 10_005);
}

#[tokio::test]
async fn takes_no_more_than_the_limit() {
    let (fetcher, base) = world(FetchPolicy::new().with_max_len(10_000)).await;

    let announced = fetcher.get(format!("{base}/hello")).max_len(4).await;
    assert!(announced.unwrap_err().is_too_large());
    let mut stream = fetcher.get(format!("{base}/endless")).await.unwrap().into_stream();
    let mut taken = 0;
    let error = loop {
        match stream.next().await.unwrap() {
            Ok(piece) => taken += piece.len(),
            Err(error) => break error,
        }
    };
    assert!(error.is_too_large() && taken <= 10_000, "{error}, {taken}");
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_status_is_a_typed_error_without_the_others_words() {
    let (fetcher, base) = world(FetchPolicy::new()).await;

    let missing = fetcher.get(format!("{base}/missing")).await.unwrap_err();
    assert_eq!((missing.kind(), missing.is_retryable()), (ErrorKind::Status(404), false));
    let busy = fetcher.get(format!("{base}/busy")).await.unwrap_err();
    assert_eq!((busy.kind(), busy.is_retryable()), (ErrorKind::Status(503), true));
    assert!(!format!("{busy:?}").contains("secret"));
    let put = fetcher.put(format!("{base}/missing"), "x").await.unwrap_err();
    assert_eq!(put.kind(), ErrorKind::Status(404));
}

#[tokio::test]
async fn follows_redirects_only_as_far_as_it_may() {
    let kind = async |fetcher: &Fetcher, url: String| fetcher.get(url).await.unwrap_err().kind();
    let (fetcher, base) = world(FetchPolicy::new()).await;
    assert_eq!(kind(&fetcher, format!("{base}/once")).await, ErrorKind::Refused);

    let (fetcher, base) = world(FetchPolicy::new().allow_public().with_redirects(3)).await;
    let fetched = fetcher.get(format!("{base}/once")).await.unwrap();
    assert_eq!(fetched.bytes().await.unwrap(), "hello");
    for bad in ["for-ever", "inwards", "scheme", "nowhere"] {
        assert_eq!(kind(&fetcher, format!("{base}/{bad}")).await, ErrorKind::Refused, "{bad}");
    }
}

#[tokio::test]
async fn gives_up_on_a_server_that_says_nothing() {
    let idle = Duration::from_millis(50);
    let policy = FetchPolicy::new().with_idle_timeout(idle).with_timeout(idle * 4);
    let (fetcher, base) = world(policy).await;

    assert!(fetcher.get(format!("{base}/silent")).await.unwrap_err().is_timeout());
    let stalled = fetcher.get(format!("{base}/stalls")).await.unwrap();
    assert!(stalled.bytes().await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn nobody_there_is_retryable() {
    let (listener, address) = listen().await;
    drop(listener);
    let policy = FetchPolicy::new().allow_origin(&format!("http://{address}")).unwrap();
    let error = Fetcher::new(policy).unwrap().get(format!("http://{address}/")).await.unwrap_err();

    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Connect, true));
}

#[tokio::test]
async fn an_upload_by_signed_url_arrives_whole_or_not_at_all() {
    let (listener, address) = listen().await;
    let base = format!("http://{address}");
    let store = Store::from_url("memory:").unwrap();
    let signer = store.signer(SigningKeys::random().unwrap()).with_public_base(&base).unwrap();
    serve(listener, signer.service()).await;
    let fetcher = Fetcher::new(FetchPolicy::new().allow_origin(&base).unwrap()).unwrap();
    let key = ObjectKey::parse("a.pdf").unwrap();
    let link =
        signer.presign_put(&key).content_type("application/pdf").exact_len(6).sign().unwrap();
    let put = |body: PutBody| {
        link.headers().iter().fold(fetcher.put(link.url(), body), |put, (name, value)| {
            put.header(name.as_str(), value.to_str().unwrap())
        })
    };

    let short = PutBody::stream(stream::iter([Ok::<_, std::io::Error>("abc")]));
    assert_eq!(put(short).await.unwrap_err().kind(), ErrorKind::LengthMismatch);
    let broken = PutBody::stream(stream::iter([Ok("abc"), Err(std::io::Error::other("cut"))]));
    assert_eq!(put(broken).await.unwrap_err().kind(), ErrorKind::Body);
    assert!(store.stat(&key).await.is_err_and(|e| e.is_not_found()));

    put(PutBody::stream(stream::iter([Ok::<_, std::io::Error>("abc"), Ok("def")]))).await.unwrap();
    put("abcdef".into()).await.unwrap();
    assert_eq!(store.stat(&key).await.unwrap().content_type.as_deref(), Some("application/pdf"));

    let read = signer.presign_get(&key).sign().unwrap();
    assert_eq!(fetcher.get(read.url()).await.unwrap().bytes().await.unwrap(), "abcdef");
    let wrong = fetcher.put(link.url(), "abcdef").content_type("image/png").await.unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::Status(415));
}

#[tokio::test]
async fn fetches_what_its_own_store_signed_and_nothing_else() {
    let (listener, address) = listen().await;
    let base = format!("http://{address}/files");
    let store = Store::from_url("memory:").unwrap();
    let keys = ["a", "b"].map(|text| ObjectKey::parse(text).unwrap());
    for key in &keys {
        store.put(key, "hello").await.unwrap();
    }
    let signer = store.signer(SigningKeys::random().unwrap()).with_public_base(&base).unwrap();
    serve(listener, signer.service()).await;
    let fetcher = Fetcher::new(FetchPolicy::new().allow_signed_by(&signer)).unwrap();
    let get = signer.presign_get(&keys[0]).sign().unwrap();
    let put = signer.presign_put(&keys[0]).sign().unwrap();

    assert_eq!(fetcher.get(get.url()).await.unwrap().bytes().await.unwrap(), "hello");
    fetcher.put(put.url(), "hello").await.unwrap();

    let stranger = store.signer(SigningKeys::random().unwrap()).with_public_base(&base).unwrap();
    let late = signer.clone().with_clock(|| std::time::UNIX_EPOCH + Duration::from_secs(1));
    let refused = [
        put.url().to_owned(),
        stranger.presign_get(&keys[0]).sign().unwrap().url().to_owned(),
        late.presign_get(&keys[0]).sign().unwrap().url().to_owned(),
        get.url().replace("/files/a?", "/files/b?"),
        get.url().replace("/files/", "/other/"),
        get.url().replace("/files/", "/files//"),
        get.url().replace("127.0.0.1", "localhost"),
        get.url().replace("127.0.0.1", "u@127.0.0.1"),
        format!("{}&x=1", get.url()),
        format!("{base}/"),
        format!("http://{address}/"),
    ];
    for url in refused {
        assert!(fetcher.get(&url).await.is_err_and(|e| e.is_refused()), "{url}");
    }
    assert!(fetcher.put(get.url(), "x").await.is_err_and(|e| e.is_refused()));
}

#[tokio::test]
async fn a_bad_header_or_a_stream_without_a_length_is_said_at_once() {
    let (fetcher, base) = world(FetchPolicy::new()).await;
    let stream = PutBody::stream(stream::iter([Ok::<_, std::io::Error>("x")]));

    let puts = [
        fetcher.put(&base, stream),
        fetcher.put(&base, "x").header("bad name", "x"),
        fetcher.put(&base, "x").header("x-a", "bad\r\nvalue"),
        fetcher.put(&base, "x").header("host", "elsewhere"),
        fetcher.put(&base, "x").header("transfer-encoding", "chunked"),
    ];
    for put in puts {
        assert_eq!(put.await.unwrap_err().kind(), ErrorKind::InvalidOption);
    }
    let wrong = fetcher.put(&base, "x").exact_len(2).await.unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::LengthMismatch);
}
