//! CONSTRAINTS.md, the table of what a signed URL can demand of whom, is made here: each cell is tried.
//!
//! `CONSTRAINTS=write` writes it; otherwise it must be as it is.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use mcsv_storage::{
    ErrorKind, ObjectKey, PresignGet, PresignPut, Result, SignedRequest, Signer, SigningKeys, Store,
};
use sha2::{Digest, Sha256};
use tower::ServiceExt;

use crate::bucket::Server;

/// Who answers the URLs of a column.
struct Place {
    name: &'static str,
    store: Store,
    signer: Signer,
    answers: Answers,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answers {
    Service,
    Bucket,
}

#[derive(Debug, PartialEq, Eq)]
enum Cell {
    Enforced,
    ErrorWhenMade,
}

impl Cell {
    fn text(&self) -> &'static str {
        match self {
            Cell::Enforced => "enforced",
            Cell::ErrorWhenMade => "**error** of `sign`",
        }
    }
}

impl Place {
    fn relay(name: &'static str, store: Store) -> Self {
        let signer = store.signer(SigningKeys::random().unwrap());
        let signer = signer.with_public_base("http://host/files").unwrap();
        Place { name, store, signer, answers: Answers::Service }
    }

    fn direct(name: &'static str, store: Store) -> Self {
        let signer = store.signer(SigningKeys::random().unwrap()).with_direct().unwrap();
        Place { name, store, signer, answers: Answers::Bucket }
    }

    /// Sends the signed headers, changed by `headers`, and the length of `body`.
    async fn send(
        &self,
        method: &Method,
        link: &SignedRequest,
        headers: &[(&'static str, &'static str)],
        body: &'static str,
    ) -> (u16, HeaderMap) {
        let mut request = Request::builder().method(method).uri(link.url());
        let sent = request.headers_mut().unwrap();
        sent.clone_from(link.headers());
        for (name, value) in headers {
            sent.insert(*name, http::HeaderValue::from_static(value));
        }
        if *method == Method::PUT {
            sent.insert("content-length", body.len().into());
        }
        let request = request.body(Full::from(Bytes::from(body))).unwrap();
        match self.answers {
            Answers::Service => {
                let answer = self.signer.service().oneshot(request).await.unwrap();
                (answer.status().as_u16(), answer.headers().clone())
            }
            Answers::Bucket => {
                let client = Client::builder(TokioExecutor::new()).build_http();
                let (head, body) = client.request(request).await.unwrap().into_parts();
                body.collect().await.unwrap();
                (head.status.as_u16(), head.headers)
            }
        }
    }

    /// Tries a demand on uploads with one that fulfils it and one that does not.
    async fn put(
        &self,
        demand: impl Fn(PresignPut) -> PresignPut,
        wrong: (&[(&'static str, &'static str)], &'static str),
    ) -> Cell {
        let key = ObjectKey::parse("put").unwrap();
        self.store.delete(&key).await.unwrap();
        let Some(link) = made(demand(self.signer.presign_put(&key)).sign()) else {
            return Cell::ErrorWhenMade;
        };
        let (status, _) = self.send(&Method::PUT, &link, wrong.0, wrong.1).await;
        assert!((400..500).contains(&status), "{}: {status} for what it should refuse", self.name);
        let (status, _) = self.send(&Method::PUT, &link, &[], "hello").await;
        assert!((200..300).contains(&status), "{}: {status} for what it should take", self.name);
        Cell::Enforced
    }

    /// Tries what an answer is to say.
    async fn get(
        &self,
        demand: impl Fn(PresignGet) -> PresignGet,
        header: &str,
        expected: &str,
    ) -> Cell {
        let key = ObjectKey::parse("get").unwrap();
        self.store.put(&key, "hello").content_type("text/html").await.unwrap();
        let Some(link) = made(demand(self.signer.presign_get(&key)).sign()) else {
            return Cell::ErrorWhenMade;
        };
        let (status, headers) = self.send(&Method::GET, &link, &[], "").await;
        assert_eq!(status, 200, "{}", self.name);
        let value = headers[header].to_str().unwrap();
        assert!(value.contains(expected), "{}: {header}: {value}", self.name);
        Cell::Enforced
    }

    async fn method(&self) -> Cell {
        let key = ObjectKey::parse("method").unwrap();
        self.store.put(&key, "hello").await.unwrap();
        let get = self.signer.presign_get(&key).sign().unwrap();
        let put = self.signer.presign_put(&key).sign().unwrap();
        for (method, link) in [(Method::PUT, &get), (Method::DELETE, &get), (Method::GET, &put)] {
            let (status, _) = self.send(&method, link, &[], "").await;
            assert!((400..500).contains(&status), "{}: {method} {status}", self.name);
        }
        assert_eq!(self.send(&Method::GET, &get, &[], "").await.0, 200);
        Cell::Enforced
    }

    async fn expiry(&self) -> Cell {
        let key = ObjectKey::parse("expiry").unwrap();
        self.store.put(&key, "hello").await.unwrap();
        for (ago, expected) in [(60, 200), (180, 403)] {
            let then = SystemTime::now() - Duration::from_secs(ago);
            let signer = self.signer.clone().with_clock(move || then);
            let life = Duration::from_secs(120);
            let link = signer.presign_get(&key).expires_in(life).sign().unwrap();
            assert_eq!(self.send(&Method::GET, &link, &[], "").await.0, expected, "{}", self.name);
        }
        Cell::Enforced
    }
}

fn made(signed: Result<SignedRequest>) -> Option<SignedRequest> {
    match signed {
        Ok(link) => Some(link),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            None
        }
    }
}

/// One row of the table: the constraint, and what it comes to at each place.
async fn row(name: &str, place: &Place) -> Cell {
    let hash: [u8; 32] = Sha256::digest("hello").into();
    let other = Duration::from_secs(600);
    match name {
        "method" => place.method().await,
        "expiry" => place.expiry().await,
        "content type" => {
            let wrong = (&[("content-type", "text/html")][..], "hello");
            place.put(|put| put.content_type("image/png"), wrong).await
        }
        "exact length" => place.put(|put| put.exact_len(5), (&[], "hello!")).await,
        "greatest length" => place.put(|put| put.max_len(5), (&[], "hello!")).await,
        "SHA-256" => place.put(|put| put.sha256(hash), (&[], "hellO")).await,
        "create only" => create_only(place).await,
        "file name" => {
            place.get(|get| get.filename("a b.pdf"), "content-disposition", "a b.pdf").await
        }
        "download" => place.get(|get| get, "content-disposition", "attachment").await,
        "shown in the browser" => {
            place.get(PresignGet::inline, "content-disposition", "inline").await
        }
        "answered type" => {
            let get = |get: PresignGet| get.content_type("text/plain");
            place.get(get, "content-type", "text/plain").await
        }
        "cache ends with the URL" => {
            place.get(|get| get.cache_window(other), "cache-control", "private").await
        }
        _ => panic!("there is no constraint {name}"),
    }
}

async fn create_only(place: &Place) -> Cell {
    let key = ObjectKey::parse("once").unwrap();
    place.store.delete(&key).await.unwrap();
    let Some(link) = made(place.signer.presign_put(&key).create_only().sign()) else {
        return Cell::ErrorWhenMade;
    };
    let (first, _) = place.send(&Method::PUT, &link, &[], "hello").await;
    let (second, _) = place.send(&Method::PUT, &link, &[], "again").await;
    assert!((200..300).contains(&first) && (400..500).contains(&second), "{first} {second}");
    let stored = place.store.get(&key).await.unwrap().bytes(9).await.unwrap();
    assert_eq!(stored, "hello", "{}", place.name);
    Cell::Enforced
}

const ROWS: [&str; 12] = [
    "method",
    "expiry",
    "content type",
    "exact length",
    "greatest length",
    "SHA-256",
    "create only",
    "file name",
    "download",
    "shown in the browser",
    "answered type",
    "cache ends with the URL",
];

const INTRODUCTION: &str = "\
# What a signed URL can demand

Each cell was tried: by a request that fulfils the demand, which passed, and by one that does not,
which was refused. What cannot be enforced is an error when the URL is made; nothing is dropped.

";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_constraint_is_enforced_or_an_error_as_the_table_says() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start().await;
    let open = |url: &str| Store::from_url(url).unwrap();
    let places = [
        Place::relay("`memory:`", open("memory:")),
        Place::relay("`fs:`", open(&format!("fs://{}", folder.path().display()))),
        Place::relay("`s3:`, relayed", server.store().unwrap()),
        Place::direct("`s3:`, direct", server.store().unwrap()),
    ];
    let mut table = INTRODUCTION.to_owned();
    let names: Vec<_> = places.iter().map(|place| place.name).collect();
    let _ = writeln!(table, "| constraint | {} |", names.join(" | "));
    let _ = writeln!(table, "|---|{}", "---|".repeat(places.len()));
    for name in ROWS {
        let _ = write!(table, "| {name} |");
        for place in &places {
            let _ = write!(table, " {} |", row(name, place).await.text());
        }
        table.push('\n');
    }

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("CONSTRAINTS.md");
    if std::env::var("CONSTRAINTS").is_ok_and(|word| word == "write") {
        std::fs::write(&path, &table).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, table, "write it anew: CONSTRAINTS=write cargo test -p mcsv-storage");
}
