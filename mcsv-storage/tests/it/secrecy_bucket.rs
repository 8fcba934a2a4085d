//! No span, metric, log line, error or `Debug` of an operation on a bucket holds a credential, a
//! signature or a signed URL; also where the service denies, redirects, repeats what it was sent, or
//! is away.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use mcsv_storage::{Error, FetchPolicy, Fetcher, ObjectKey, SignedRequest, SigningKeys, Store};
use tokio::net::TcpListener;
use tower::{ServiceExt, service_fn};
use tracing::instrument::WithSubscriber;

use crate::bucket::{ID, SECRET, Server};
use crate::observed::Series;
use crate::secrecy::{Log, everything};
use crate::server::{listen, serve};

const SESSION: &str = "visiting/only+today";
const SIGNING_KEY: &str = "bm90LWEtcmVhbC1rZXktYnV0LTMyLWJ5dGVzLWxvbmc=";

/// What came over the wire that nobody may tell.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<BTreeSet<String>>>);

impl Seen {
    /// Keeps the signature of a request, whose header or query it is in, and the session's token.
    fn note(&self, headers: &HeaderMap, uri: &Uri) {
        let header = headers.get("authorization").and_then(|value| value.to_str().ok());
        let places = [header.unwrap_or_default(), uri.query().unwrap_or_default()];
        let signatures = places.iter().filter_map(|text| text.split_once("Signature="));
        let signatures = signatures.map(|(_, rest)| rest.chars().take(64).collect::<String>());
        let token = headers.get("x-amz-security-token").map(|token| token.to_str().unwrap());
        self.0.lock().unwrap().extend(signatures.chain(token.map(str::to_owned)));
    }

    fn secrets(&self) -> BTreeSet<String> {
        self.0.lock().unwrap().clone()
    }
}

/// A service that answers each request with `status`, repeats all that it was sent as S3 does where
/// it finds a signature wrong, and points at another host.
async fn echo(status: u16, elsewhere: &str) -> (String, Seen) {
    let seen = Seen::default();
    let (noted, elsewhere) = (seen.clone(), elsewhere.to_owned());
    let (listener, address) = listen().await;
    let answer = service_fn(move |request: Request<Incoming>| {
        noted.note(request.headers(), request.uri());
        let sent = request.headers().iter().map(|(name, value)| format!("{name}:{value:?}\n"));
        let sent = sent.collect::<String>().replace('"', "");
        let text = format!(
            "<?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code><Message>The request \
             signature we calculated does not match the signature you provided.</Message>\
             <AWSAccessKeyId>{ID}</AWSAccessKeyId><SignatureProvided>{sent}</SignatureProvided>\
             <CanonicalRequest>{}\n{sent}</CanonicalRequest></Error>",
            request.uri().to_string().replace('&', "&amp;"),
        );
        let away = format!("{elsewhere}{}", request.uri());
        let answer = Response::builder().status(status).header("location", away);
        async { Ok::<_, Infallible>(answer.body(Full::<Bytes>::from(text)).unwrap()) }
    });
    serve(listener, answer).await;
    (format!("http://{address}"), seen)
}

fn store(endpoint: &str) -> Store {
    let mut url = url::Url::parse("s3://bucket/secrecy").unwrap();
    url.query_pairs_mut()
        .append_pair("endpoint", endpoint)
        .append_pair("access_key_id", ID)
        .append_pair("secret_access_key", SECRET)
        .append_pair("session_token", SESSION);
    Store::from_url(url.as_str()).unwrap()
}

fn told<T: std::fmt::Debug>(outcome: Result<T, Error>) -> (bool, String) {
    match outcome {
        Ok(done) => (true, format!("{done:?}")),
        Err(error) => (false, everything(&error)),
    }
}

/// What every operation came to, and whether it went well.
async fn every_operation(store: &Store) -> Vec<(bool, String)> {
    let [a, b, c] = ["a", "b", "c"].map(|key| ObjectKey::parse(key).unwrap());
    let parts = Bytes::from(vec![7; 17 << 20]);
    let read = async {
        let object = store.get(&a).await?;
        object.bytes(9).await
    };
    vec![
        told(store.put(&a, "hello").content_type("text/plain").metadata("x", "y").await),
        told(store.put(&b, parts).await),
        told(store.stat(&a).await),
        told(read.await),
        told(store.list().await),
        told(store.copy(&a, &c).await),
        told(store.check().await),
        told(store.delete(&c).await),
        told(store.sweep_partial(std::time::Duration::ZERO).await),
        (true, format!("{store:?}")),
    ]
}

/// Direct URLs used by a fetcher, and relayed ones by the service; what came of them, and the URLs.
async fn every_link(store: &Store, endpoint: &str) -> (Vec<(bool, String)>, Vec<SignedRequest>) {
    let key = ObjectKey::parse("a").unwrap();
    let keys = SigningKeys::parse(&format!("k:{SIGNING_KEY}")).unwrap();
    let direct = store.signer(keys);
    let relay = direct.clone().with_public_base("http://h").unwrap();
    let policy = FetchPolicy::new().allow_origin(endpoint).unwrap().with_redirects(2);
    let fetcher = Fetcher::new(policy).unwrap();
    let mut outcomes = vec![(true, format!("{direct:?} {relay:?} {fetcher:?}"))];
    let mut links = Vec::new();
    for signer in [&direct, &relay] {
        links.push(signer.presign_put(&key).sign().unwrap());
        links.push(signer.presign_get(&key).filename("x").sign().unwrap());
    }
    let [put, get, relayed @ ..] = &links[..] else { panic!("there are four") };
    outcomes.push(told(fetcher.put(put.url(), "hello").await.map(drop)));
    outcomes.push(told(fetcher.get(get.url()).await.map(drop)));
    for link in relayed {
        let request = Request::builder().method(link.method()).uri(link.url());
        let request = request.body(Full::from(Bytes::from("hello"))).unwrap();
        let answer = relay.service().oneshot(request).await.unwrap();
        let (well, shown) = (answer.status().is_success(), format!("{answer:?}"));
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        outcomes.push((well, format!("{shown} {}", String::from_utf8_lossy(&body))));
    }
    outcomes.extend(links.iter().map(|link| (true, format!("{link:?}"))));
    (outcomes, links)
}

/// All that can be seen of a store at `endpoint` in use; `is_well` says whether that works.
async fn check(endpoint: &str, seen: &Seen, is_well: bool) {
    let (series, log) = (Series::default(), Log::default());
    let subscriber = log.subscriber();
    // What the dependencies tell by the crate `log`. It is the process's, so it may be set already.
    let _ = tracing_log::LogTracer::init();
    let recorder = metrics::set_default_local_recorder(&series);
    let work = async {
        let store = store(endpoint);
        let mut outcomes = every_operation(&store).await;
        let (more, links) = every_link(&store, endpoint).await;
        outcomes.extend(more);
        (outcomes, links)
    };
    let (outcomes, links) = work.with_subscriber(subscriber).await;
    drop(recorder);

    let wrong = outcomes.iter().filter(|(well, _)| !well).count();
    let shown = outcomes.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("\n");
    assert_eq!(wrong == 0, is_well, "{wrong}: {shown}");
    let log = log.text();
    let series = series.all().into_iter().collect::<Vec<_>>().join("\n");
    for expected in ["storage.put", "storage.sweep", "fetch", "signed request"] {
        assert!(log.contains(expected), "no {expected} in the log");
    }
    assert!(log.contains("opendal"), "the log holds nothing of the dependencies");
    let seen = seen.secrets();
    let tails = links.iter().map(|link| {
        let url = link.url();
        url[url.len() - 20..].to_owned()
    });
    let secrets = [SECRET, SESSION, SIGNING_KEY, "visiting%2F"].map(str::to_owned);
    for secret in seen.into_iter().chain(tails).chain(secrets) {
        for (name, text) in [("log", &log), ("outcomes", &shown), ("metrics", &series)] {
            let at = text.find(&secret);
            let near = at.map(|at| &text[at.saturating_sub(300)..at]);
            assert!(near.is_none(), "{secret} in the {name} after {near:?}");
        }
    }
}

#[tokio::test]
async fn a_bucket_in_use_tells_no_secret() {
    let server = Server::start().await;
    check(&server.endpoint, &Seen::default(), true).await;
}

#[tokio::test]
async fn a_service_that_denies_and_repeats_all_tells_no_secret() {
    let (endpoint, seen) = echo(403, "http://127.0.0.1:9").await;
    check(&endpoint, &seen, false).await;
    assert!(seen.secrets().len() > 5, "few requests came");
}

#[tokio::test]
async fn a_redirect_to_another_host_takes_no_secret_along() {
    for status in [301, 302, 303, 307, 308] {
        let (elsewhere, strayed) = echo(403, "http://127.0.0.1:9").await;
        let (endpoint, seen) = echo(status, &elsewhere).await;
        check(&endpoint, &seen, false).await;

        assert!(!seen.secrets().is_empty());
        assert_eq!(strayed.secrets(), BTreeSet::new(), "{status}");
    }
}

/// Time is paused, so that nobody waits for the retries.
#[tokio::test(start_paused = true)]
async fn a_service_that_is_overloaded_tells_no_secret() {
    let (endpoint, seen) = echo(503, "http://127.0.0.1:9").await;
    check(&endpoint, &seen, false).await;
    assert!(!seen.secrets().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_takes_no_connection_tells_no_secret() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    check(&endpoint, &Seen::default(), false).await;
}
