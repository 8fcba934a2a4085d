//! Every operation leaves a span and a duration, and none of them, nor any log line, holds a secret.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use mcsv_storage::{FetchPolicy, Fetcher, ObjectKey, SignedRequest, SigningKeys, Store};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use tower::ServiceExt;
use tracing::instrument::WithSubscriber;

use crate::secrecy::Log;

/// The names and labels of all metrics, without their values.
#[derive(Clone, Default)]
pub(crate) struct Series(Arc<Mutex<BTreeSet<String>>>);

impl Series {
    fn note(&self, key: &Key) {
        let labels = key.labels().map(|label| format!(" {}={}", label.key(), label.value()));
        self.0.lock().unwrap().insert(format!("{}{}", key.name(), labels.collect::<String>()));
    }

    pub(crate) fn all(&self) -> BTreeSet<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Recorder for Series {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.note(key);
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.note(key);
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.note(key);
        Histogram::noop()
    }
}

const SECRET: &str = "bm90LWEtcmVhbC1rZXktYnV0LTMyLWJ5dGVzLWxvbmc=";

async fn every_operation(store: &Store) {
    let (a, b) = (ObjectKey::parse("a").unwrap(), ObjectKey::parse("b").unwrap());
    store.put(&a, "hello").await.unwrap();
    store.put(&a, "hello").create_only().await.unwrap_err();
    store.stat(&a).await.unwrap();
    store.stat(&b).await.unwrap_err();
    store.get(&a).await.unwrap().bytes(5).await.unwrap();
    store.copy(&a, &b).await.unwrap();
    store.list().await.unwrap();
    store.delete(&b).await.unwrap();
    store.sweep_partial(std::time::Duration::ZERO).await.unwrap();
    store.check().await.unwrap();
}

async fn every_request(store: &Store) -> Vec<SignedRequest> {
    let key = ObjectKey::parse("a").unwrap();
    let keys = SigningKeys::parse(&format!("k:{SECRET}")).unwrap();
    let signer = store.signer(keys).with_public_base("http://127.0.0.1:9").unwrap();
    let links = vec![
        signer.presign_get(&key).filename("x").sign().unwrap(),
        signer.presign_put(&key).max_len(9).sign().unwrap(),
    ];
    for link in &links {
        for (url, method) in [
            (link.url().to_owned(), "GET"),
            (link.url().to_owned(), "PUT"),
            (format!("{}0", link.url()), "GET"),
            (format!("{}&x", link.url()), "PUT"),
        ] {
            let request = Request::builder().method(method).uri(url);
            let request = request.body(Full::from(Bytes::from("hello"))).unwrap();
            let answer = signer.service().oneshot(request).await.unwrap();
            answer.into_body().collect().await.unwrap();
        }
        let policy = FetchPolicy::new().allow_origin("http://127.0.0.1:9").unwrap();
        let fetcher = Fetcher::new(policy).unwrap();
        fetcher.get(link.url()).await.unwrap_err();
        fetcher.put(link.url(), "x").await.unwrap_err();
    }
    links
}

#[tokio::test]
async fn every_operation_is_seen_and_no_secret_is() {
    let (series, log) = (Series::default(), Log::default());
    let subscriber = log.subscriber();
    let folder = tempfile::tempdir().unwrap();
    let guard = metrics::set_default_local_recorder(&series);
    let work = async {
        let mut links = Vec::new();
        for url in ["memory:".to_owned(), format!("fs://{}", folder.path().display())] {
            let store = Store::from_url(&url).unwrap();
            every_operation(&store).await;
            links.extend(every_request(&store).await);
        }
        links
    };
    let links = work.with_subscriber(subscriber).await;
    drop(guard);

    let (log, series) = (log.text(), series.all());
    let seen = series.iter().cloned().collect::<Vec<_>>().join("\n");
    for backend in ["memory", "fs"] {
        for operation in ["put", "get", "stat", "list", "delete", "copy", "check"] {
            check(&seen, &log, operation, backend);
        }
    }
    check(&seen, &log, "sweep", "fs");
    for outcome in ["ok", "not_found", "already_exists"] {
        assert!(seen.contains(&format!("outcome={outcome}")), "{outcome}: {seen}");
    }
    for name in ["mcsv_storage_bytes_total direction=in", "mcsv_storage_bytes_total direction=out"]
    {
        assert!(seen.contains(name), "{name}: {seen}");
    }
    for method in ["GET", "PUT"] {
        assert!(seen.contains(&format!("mcsv_storage_signed_requests_total method={method}")));
        assert!(seen.contains(&format!("mcsv_fetch_duration_seconds method={method}")));
    }
    let secrets = links.iter().map(|link| {
        let (_, token) = link.url().split_once("sig=").unwrap();
        &token[token.len() - 20..]
    });
    for secret in secrets.chain([SECRET]) {
        assert!(!log.contains(secret) && !seen.contains(secret), "{secret} in {log} {seen}");
    }
    // Nor an object's name in a metric: there are too many of them.
    assert!(!seen.contains("key="), "{seen}");
}

#[track_caller]
fn check(series: &str, log: &str, operation: &str, backend: &str) {
    let labels = format!("operation=storage.{operation} backend={backend}");
    assert!(
        series.contains(&format!("mcsv_storage_operation_duration_seconds {labels}")),
        "no duration of {labels} in {series}"
    );
    let fields = format!("storage.operation=\"storage.{operation}\" storage.backend=\"{backend}\"");
    assert!(log.contains(&fields), "no span of {labels}");
}
