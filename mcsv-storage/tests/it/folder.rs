use std::fs;
use std::path::Path;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use mcsv_storage::{ErrorKind, ObjectKey, Store};
use tempfile::TempDir;

fn open() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::from_url(&format!("fs://{}", folder.path().display())).unwrap();
    (folder, store)
}

fn partials(folder: &TempDir) -> usize {
    fs::read_dir(folder.path().join(".partial")).unwrap().count()
}

/// Leaves what a killed process would: an upload half written, and nobody to tidy up.
async fn kill_an_upload(store: &Store, key: &ObjectKey) {
    let (piece_sent, mut was_sent) = tokio::sync::mpsc::unbounded_channel();
    let endless = stream::repeat_with(move || {
        let _ = piece_sent.send(());
        Ok::<_, std::io::Error>(vec![1; 100_000])
    });
    let mut put = store.put_stream(key, endless.take(10).chain(stream::pending())).into_future();
    tokio::select! {
        _ = &mut put => panic!("an endless put ended"),
        () = async { for _ in 0..10 { was_sent.recv().await; } } => {}
    }
    std::mem::forget(put);
}

#[tokio::test]
async fn killed_uploads_are_never_seen_and_all_swept() {
    let (folder, store) = open();
    let key = ObjectKey::parse("a/b").unwrap();
    for _ in 0..20 {
        kill_an_upload(&store, &key).await;
    }

    assert_eq!(partials(&folder), 20);
    assert!(store.stat(&key).await.is_err_and(|e| e.is_not_found()));
    assert_eq!(store.list().await.unwrap().objects, []);

    assert_eq!(store.sweep_partial(Duration::from_secs(3600)).await.unwrap(), 0);
    let [one, other] = [(); 2].map(|()| store.sweep_partial(Duration::ZERO));
    let (one, other) = tokio::join!(one, other);
    assert_eq!(one.unwrap() + other.unwrap(), 20);
    assert_eq!(partials(&folder), 0);
}

#[tokio::test]
async fn failed_uploads_leave_no_file() {
    let (folder, store) = open();
    let key = ObjectKey::parse("k").unwrap();
    store.put(&key, "x").await.unwrap();

    assert!(store.put(&key, "y").sha256([0; 32]).await.is_err());
    assert!(store.put(&key, "y").create_only().await.is_err());
    assert!(store.put_stream(&key, stream::iter([Ok("a"), Err("cut")])).await.is_err());

    assert_eq!(partials(&folder), 0);
}

#[tokio::test]
async fn a_key_under_an_object_is_a_typed_error() {
    let (folder, store) = open();
    store.put(&ObjectKey::parse("a").unwrap(), "x").await.unwrap();
    store.put(&ObjectKey::parse("b/c").unwrap(), "x").await.unwrap();

    for clash in ["a/b", "a/b/c", "b"] {
        let put = store.put(&ObjectKey::parse(clash).unwrap(), "y").await;
        assert_eq!(put.unwrap_err().kind(), ErrorKind::AlreadyExists, "{clash}");
    }
    assert_eq!(partials(&folder), 0);
}

#[tokio::test]
async fn files_of_others_are_objects_too() {
    let (folder, store) = open();
    fs::write(folder.path().join("plain.txt"), "hello").unwrap();
    fs::write(folder.path().join("no key.txt"), "hello").unwrap();
    fs::write(folder.path().join(".hidden"), "hello").unwrap();

    let page = store.list().await.unwrap();
    let [object] = &page.objects[..] else { panic!("{page:?}") };
    assert_eq!((object.len, object.sha256, object.content_type.clone()), (5, None, None));
    assert!(object.etag.as_ref().is_some_and(|tag| tag.starts_with("W/")));
}

#[tokio::test]
async fn another_opening_sees_the_same_objects() {
    let (folder, store) = open();
    let key = ObjectKey::parse("k").unwrap();
    let put = store.put(&key, "x").content_type("a/b").await.unwrap();
    drop(store);

    let again = Store::from_url(&format!("fs://{}", folder.path().display())).unwrap();
    assert_eq!(again.stat(&key).await.unwrap(), put);
}

#[tokio::test]
async fn a_folder_that_went_away_is_not_ready() {
    let (folder, store) = open();
    fs::remove_dir_all(folder.path()).unwrap();

    assert!(store.check().await.is_err());
    assert!(!Path::new(folder.path()).exists());
}
