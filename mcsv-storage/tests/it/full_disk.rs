//! A folder on a disk that is full: a file system of 4 MiB in memory, in a mount namespace.

use std::env;
use std::fs;
use std::path::Path;

use bytes::Bytes;
use futures_util::stream;
use http::Request;
use http_body_util::Full;
use mcsv_storage::{ErrorKind, ObjectKey, SigningKeys, Store};
use tower::ServiceExt;

use crate::processes::{again, answers};

const TEST: &str = "full_disk::what_does_not_fit_is_never_seen_and_leaves_no_file";
const FOLDER: &str = "MCSV_STORAGE_FULL_FOLDER";
const SCRIPT: &str = "mount -t tmpfs -o size=4m tmpfs \"$MCSV_STORAGE_FULL_FOLDER\" && exec \"$@\"";

#[test]
fn what_does_not_fit_is_never_seen_and_leaves_no_file() {
    if let Ok(folder) = env::var(FOLDER) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        return runtime.block_on(fill(Path::new(&folder)));
    }
    if !answers("unshare", &["-rm", "mount", "-t", "tmpfs", "tmpfs", "/tmp"]) {
        eprintln!("a full disk is not tested: this machine lets nobody mount a small one");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let wrapper = ["unshare", "-rm", "sh", "-c", SCRIPT, "sh"];
    let status = again(&wrapper, TEST, FOLDER, folder.path().to_str().unwrap()).status();
    assert!(status.unwrap().success());
}

async fn fill(folder: &Path) {
    let store = Store::from_url(&format!("fs://{}", folder.display())).unwrap();
    let key = |text: &str| ObjectKey::parse(text).unwrap();
    let mebibytes = |count: usize| {
        stream::iter(
            (0..count * 16).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![7; 1 << 16]))),
        )
    };
    store.put(&key("old"), "old").await.unwrap();
    store.put_stream(&key("large"), mebibytes(2)).await.unwrap();

    for target in ["new", "old", "deep/er/new"] {
        let error = store.put_stream(&key(target), mebibytes(6)).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, true), "{error}");
        let error = store.put_stream(&key(target), mebibytes(6)).create_only().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    let signer = store.signer(SigningKeys::random().unwrap()).with_public_base("http://h").unwrap();
    let link = signer.presign_put(&key("new")).sign().unwrap();
    let body = Full::from(Bytes::from(vec![7; 3 << 20]));
    let answer = signer.service().oneshot(Request::put(link.url()).body(body).unwrap()).await;
    assert_eq!(answer.unwrap().status(), 503);

    let seen: Vec<_> =
        store.list().await.unwrap().objects.into_iter().map(|o| (o.key, o.len)).collect();
    assert_eq!(seen, [(key("large"), 2 << 20), (key("old"), 3)]);
    assert_eq!(store.get(&key("old")).await.unwrap().bytes(9).await.unwrap(), "old");
    assert_eq!(fs::read_dir(folder.join(".partial")).unwrap().count(), 0);

    // There is room again at once.
    store.put_stream(&key("new"), mebibytes(1)).await.unwrap();
}
