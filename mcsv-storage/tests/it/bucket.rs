use std::error::Error as _;
use std::sync::atomic::{AtomicU32, Ordering};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use mcsv_storage::{
    ErrorKind, FetchPolicy, Fetcher, ObjectKey, Result, Signer, SigningKeys, Store, testing,
};
use s3s::S3;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tracing::instrument::WithSubscriber;

use crate::secrecy::Log;

/// A server of the S3 protocol that enforces signatures, over a folder.
pub(crate) struct Server {
    pub(crate) endpoint: String,
    prefixes: AtomicU32,
    folder: TempDir,
}

pub(crate) const ID: &str = "AKIATEST";
pub(crate) const SECRET: &str = "a/secret+with/signs";

impl Server {
    pub(crate) async fn start() -> Server {
        Server::start_with(|files| files).await
    }

    /// A server that does some things otherwise than its files do.
    pub(crate) async fn start_with<S: S3>(wrapped: impl FnOnce(FileSystem) -> S) -> Server {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("bucket")).unwrap();
        let files = FileSystem::new(folder.path()).unwrap();
        let mut service = S3ServiceBuilder::new(wrapped(files));
        service.set_auth(SimpleAuth::from_single(ID, SECRET));
        let service = service.build();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let io = TokioIo::new(socket);
                    let _ = Builder::new(TokioExecutor::new()).serve_connection(io, service).await;
                });
            }
        });
        Server { endpoint, prefixes: AtomicU32::new(0), folder }
    }

    /// A store under a prefix of its own: `stores/0`, `stores/1`, ...
    pub(crate) fn store(&self) -> Result<Store> {
        self.store_as(SECRET)
    }

    /// A store whose owner believes the secret to be this.
    pub(crate) fn store_as(&self, secret: &str) -> Result<Store> {
        let prefix = self.prefixes.fetch_add(1, Ordering::Relaxed);
        let mut url = url::Url::parse(&format!("s3://bucket/stores/{prefix}")).unwrap();
        url.query_pairs_mut()
            .append_pair("endpoint", &self.endpoint)
            .append_pair("access_key_id", ID)
            .append_pair("secret_access_key", secret);
        Store::from_url(url.as_str())
    }

    /// The names of the files and folders that the server keeps beside its buckets.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

/// What this server does otherwise than the service that it stands for.
const GAPS: &[&str] = &[
    // It looks for the object and then writes, in two steps.
    "one_of_many_creators_wins",
    // It adds to a key's last segment and makes that a file name.
    "takes_the_longest_key",
    // It keeps the folders of deleted objects.
    "takes_a_key_that_deleted_keys_were_under",
    // It answers for a folder as for an object.
    "a_folder_is_no_object",
    // It lists no etags.
    "tells_what_stat_tells",
    // It publishes what was sent and then looks at the checksum.
    "a_direct_put_with_other_content_leaves_nothing",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_conforms() {
    let server = Server::start().await;
    if let Err(failure) = testing::conformance_without(|| server.store(), GAPS).await {
        panic!("{failure}: {:?}", failure.source());
    }
}

fn store(url: &str) -> Store {
    Store::from_url(url).unwrap()
}

fn key() -> ObjectKey {
    ObjectKey::parse("a/b.txt").unwrap()
}

const BUCKET: &str = "s3://b?endpoint=http://minio:9000&public_endpoint=https://s3.example:443/s3\
                      &access_key_id=AKIATEST&secret_access_key=hunter2secret";

#[test]
fn a_base_url_chooses_the_relay_and_each_route_can_be_demanded() {
    let signer = store(BUCKET).signer(SigningKeys::random().unwrap());
    let based = signer.clone().with_public_base("https://host/files").unwrap();
    let url = |signer: &Signer| signer.presign_get(&key()).sign().map(|link| link.url().to_owned());

    assert!(url(&signer).unwrap().starts_with("https://s3.example/s3/b/a/b.txt?X-Amz-"));
    assert!(url(&based).unwrap().starts_with("https://host/files/a/b.txt?sig="));
    let direct = based.with_direct().unwrap();
    assert!(url(&direct).unwrap().starts_with("https://s3.example/s3/b/a/b.txt?X-Amz-"));
    assert!(url(&direct.with_relay()).unwrap().starts_with("https://host/files/a/b.txt?sig="));
    assert_eq!(url(&signer.with_relay()).unwrap_err().kind(), ErrorKind::Config);
    let memory = store("memory:").signer(SigningKeys::random().unwrap());
    assert_eq!(memory.with_direct().unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn an_internal_url_is_signed_for_the_endpoint_of_the_store() {
    let signer = store(BUCKET).signer(SigningKeys::random().unwrap());
    let inside = signer.presign_get(&key()).internal().sign().unwrap();
    assert!(inside.url().starts_with("http://minio:9000/b/a/b.txt?"));

    let hosted = store(&format!("{BUCKET}&addressing=virtual-host"));
    let hosted = hosted.signer(SigningKeys::random().unwrap());
    let link = hosted.presign_get(&key()).sign().unwrap();
    assert!(link.url().starts_with("https://b.s3.example/s3/a/b.txt?"), "{}", link.url());
}

#[test]
fn a_session_token_is_in_the_url_and_no_secret_is() {
    let signer = store(&format!("{BUCKET}&session_token=visiting%2B"))
        .signer(SigningKeys::random().unwrap());
    let link = signer.presign_get(&key()).sign().unwrap();

    assert!(link.url().contains("&X-Amz-Security-Token=visiting%2B&"));
    for text in [link.url(), &format!("{signer:?} {link:?}")] {
        assert!(!text.contains("hunter2"), "{text}");
    }
    assert!(!format!("{link:?}").contains("X-Amz-Signature"));
}

#[test]
fn refuses_an_endpoint_that_no_url_can_be_made_of() {
    for bad in ["ftp://h", "https://u:p@h", "https://h?x", "https://h#x", "https://"] {
        let mut url = url::Url::parse("s3://b?access_key_id=x&secret_access_key=y").unwrap();
        url.query_pairs_mut().append_pair("public_endpoint", bad);
        let opened = Store::from_url(url.as_str());
        assert_eq!(opened.unwrap_err().kind(), ErrorKind::Config, "{bad}");
    }
}

#[tokio::test]
async fn a_fetcher_uploads_by_a_direct_url_with_its_headers() {
    let server = Server::start().await;
    let store = server.store().unwrap();
    let signer = store.signer(SigningKeys::random().unwrap());
    let hash: [u8; 32] = Sha256::digest("hello").into();
    let put = signer.presign_put(&key()).content_type("text/plain").exact_len(5).sha256(hash);
    let link = put.create_only().sign().unwrap();

    let policy = FetchPolicy::new().allow_origin(&server.endpoint).unwrap();
    let mut put = Fetcher::new(policy).unwrap().put(link.url(), "hello");
    for (name, value) in link.headers() {
        put = put.header(name.as_str(), value.to_str().unwrap());
    }
    put.await.unwrap();
    assert_eq!(store.stat(&key()).await.unwrap().sha256, Some(hash));
}

#[tokio::test]
async fn no_log_line_of_a_direct_url_holds_its_signature() {
    let server = Server::start().await;
    let log = Log::default();
    let subscriber = log.subscriber();
    let work = async {
        let store = server.store().unwrap();
        let signer = store.signer(SigningKeys::random().unwrap());
        let put = signer.presign_put(&key()).sign().unwrap();
        let get = signer.presign_get(&key()).sign().unwrap();
        let policy = FetchPolicy::new().allow_origin(&server.endpoint).unwrap();
        let fetcher = Fetcher::new(policy).unwrap();
        let absent = fetcher.get(get.url()).await.unwrap_err();
        fetcher.put(put.url(), "hello").await.unwrap();
        let found = fetcher.get(get.url()).await.unwrap().bytes().await.unwrap();
        assert_eq!(found, "hello");
        let shown = format!("{absent:?} {absent} {put:?} {get:?} {signer:?} {store:?}");
        (shown, [get, put])
    };
    let (shown, links) = work.with_subscriber(subscriber).await;

    let log = log.text();
    assert!(log.contains("fetch"), "the log is empty");
    for link in links {
        let (_, signature) = link.url().split_once("X-Amz-Signature=").unwrap();
        assert!(!log.contains(signature) && !shown.contains(signature), "{shown} {log}");
    }
    assert!(!log.contains(SECRET) && !shown.contains(SECRET), "{shown} {log}");
}
