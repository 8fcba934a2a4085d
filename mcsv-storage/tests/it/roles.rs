//! A bucket under the credentials of a role, which a container or an instance asks for.

use std::convert::Infallible;
use std::env;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use mcsv_storage::{
    Error, ErrorKind, FetchPolicy, Fetcher, ObjectKey, SignedRequest, SigningKeys, Store,
};
use s3s::dto::{Timestamp, TimestampFormat};
use tower::service_fn;
use tracing::instrument::WithSubscriber;

use crate::bucket::{ID, SECRET, Server};
use crate::processes::again;
use crate::secrecy::{Log, everything};
use crate::server::{listen, serve};

const ENDPOINT: &str = "ROLE_ENDPOINT";
const TOKEN: &str = "may+ask/for=credentials";
const SESSION: &str = "visiting/only+today";
const LIFE: Duration = Duration::from_secs(3600);

/// Answers as the metadata services of containers and of instances do; counts the credentials given.
async fn role() -> (String, Arc<AtomicU32>) {
    let given = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&given);
    let (listener, address) = listen().await;
    let answer = service_fn(move |request: Request<Incoming>| {
        let sent = |name: &str| request.headers().get(name).is_some_and(|value| value == TOKEN);
        let is_known = sent("authorization") || sent("x-aws-ec2-metadata-token");
        let folder = "/latest/meta-data/iam/security-credentials/";
        let (status, text) = match request.uri().path() {
            "/latest/api/token" if request.method() == "PUT" => (200, TOKEN.to_owned()),
            _ if !is_known => (401, String::new()),
            path if path == folder => (200, "the-role".to_owned()),
            _ => {
                counted.fetch_add(1, Ordering::Relaxed);
                (200, credentials())
            }
        };
        let answer = Response::builder().status(status).body(Full::<Bytes>::from(text));
        async { Ok::<_, Infallible>(answer.unwrap()) }
    });
    serve(listener, answer).await;
    (format!("http://{address}"), given)
}

fn credentials() -> String {
    let mut end = Vec::new();
    let until = Timestamp::from(SystemTime::now() + LIFE);
    until.format(TimestampFormat::DateTime, &mut end).unwrap();
    let end = String::from_utf8(end).unwrap();
    format!(
        "{{\"Code\":\"Success\",\"AccessKeyId\":\"{ID}\",\"SecretAccessKey\":\"{SECRET}\",\
         \"Token\":\"{SESSION}\",\"Expiration\":\"{end}\"}}"
    )
}

/// What a program does that knows its bucket by name only; in a process of its own, for the environment.
#[tokio::test]
async fn a_bucket_is_used_and_signed_for_under_a_role() {
    const TEST: &str = "roles::a_bucket_is_used_and_signed_for_under_a_role";
    if let Ok(endpoint) = env::var(ENDPOINT) {
        return use_bucket(&endpoint).await;
    }
    let server = Server::start().await;
    let (address, given) = role().await;
    let of_container = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{address}/role"));
    let of_instance = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", address.clone());
    for (name, value) in [of_container, of_instance] {
        let mut child = again(&[], TEST, ENDPOINT, &server.endpoint);
        child.env(name, value).env("AWS_CONTAINER_AUTHORIZATION_TOKEN", TOKEN).env("HOME", "/none");
        let ended = tokio::task::spawn_blocking(move || child.status()).await.unwrap();
        assert!(ended.unwrap().success(), "{name}");
        // Once for all requests and URLs.
        assert_eq!(given.swap(0, Ordering::Relaxed), 1, "{name}");
    }
}

async fn use_bucket(endpoint: &str) {
    let log = Log::default();
    let subscriber = log.subscriber();
    tracing_log::LogTracer::init().unwrap();
    let (links, error) = sign_and_send(endpoint).with_subscriber(subscriber).await.unwrap();

    assert_eq!(error.kind(), ErrorKind::InvalidOption);
    let (log, shown) = (log.text(), format!("{links:?} {}", everything(&error)));
    assert!(log.contains("reqwest"), "the log holds nothing of the dependencies");
    for link in links {
        let (_, signature) = link.url().split_once("X-Amz-Signature=").unwrap();
        for secret in [SECRET, SESSION, TOKEN, "visiting%2F", signature] {
            assert!(!log.contains(secret) && !shown.contains(secret), "{secret}: {shown} {log}");
        }
    }
}

/// The URLs that were used, and the error of one that would outlive the role's credentials.
async fn sign_and_send(endpoint: &str) -> Result<(Vec<SignedRequest>, Error), Error> {
    let url = format!("s3://bucket/roles?endpoint={endpoint}");
    let store = Store::from_url(&url)?;
    let key = ObjectKey::timestamped("txt")?;
    let signer = store.signer(SigningKeys::random()?);
    assert_eq!(signer.presign_get(&key).sign().unwrap_err().kind(), ErrorKind::Unavailable);
    store.check().await?;

    let put = signer.presign_put(&key).exact_len(5).sign()?;
    let get = signer.presign_get(&key).sign()?;
    let fetcher = Fetcher::new(FetchPolicy::new().allow_origin(endpoint)?)?;
    let sending = fetcher.put(put.url(), "hello").header("content-length", "5");
    sending.await?;
    assert_eq!(fetcher.get(get.url()).await?.bytes().await?, "hello");
    assert_eq!(store.get(&key).await?.bytes(5).await?, "hello");
    assert!(get.url().contains("X-Amz-Security-Token=visiting%2Fonly%2Btoday"));
    assert_eq!(store.sweep_partial(LIFE).await?, 0);

    let longer = signer.presign_get(&key).expires_in(LIFE + Duration::from_secs(60));
    Ok((vec![put, get], longer.sign().unwrap_err()))
}
