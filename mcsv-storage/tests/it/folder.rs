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

    let key = ObjectKey::parse("a/b").unwrap();
    let (put, get) = (store.put(&key, "x").await, store.get(&key).await.map(drop));
    let (list, deleted) = (store.list().await.map(drop), store.delete(&key).await);
    let answers = [store.check().await, put.map(drop), get, list, deleted];
    let named = folder.path().file_name().unwrap().to_str().unwrap();
    for error in answers.map(Result::unwrap_err) {
        assert!(error.to_string().contains(named), "{error}");
        assert!(error.to_string().contains("is gone"), "{error}");
        assert!(error.is_retryable(), "{error}");
    }
    assert!(!Path::new(folder.path()).exists());
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_to_a_folder_leads_nowhere() {
    let (folder, store) = open();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("theirs"), "theirs").unwrap();
    fs::create_dir(folder.path().join("a")).unwrap();
    for link in ["link", "a/link"] {
        std::os::unix::fs::symlink(outside.path(), folder.path().join(link)).unwrap();
    }
    std::os::unix::fs::symlink(".", folder.path().join("loop")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path().join("broken")).unwrap();
    store.put(&ObjectKey::parse("a/ours").unwrap(), "ours").await.unwrap();

    for through in ["link/theirs", "a/link/theirs", "loop/a/ours", "link/new", "link", "loop"] {
        let key = ObjectKey::parse(through).unwrap();
        let (put, only) = (store.put(&key, "x").await, store.put(&key, "x").create_only().await);
        let (get, stat) = (store.get(&key).await.map(drop), store.stat(&key).await);
        let answers = [put, only, stat].map(|answer| answer.map(drop));
        let answers = answers.into_iter().chain([get, store.delete(&key).await]);
        for error in answers.map(Result::unwrap_err) {
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{through}: {error}");
            assert!(error.to_string().contains("symbolic link"), "{error}");
        }
    }
    let listed = store.list().await.unwrap().objects;
    assert_eq!(listed.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), ["a/ours"]);
    let under = store.list().prefix("link/").await.unwrap_err();
    assert_eq!(under.kind(), ErrorKind::Unsupported, "{under}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    assert_eq!(fs::read(outside.path().join("theirs")).unwrap(), b"theirs");
    assert_eq!(partials(&folder), 0);
}

#[tokio::test]
async fn an_upload_that_a_sweep_cuts_says_so() {
    let (folder, store) = open();
    let key = ObjectKey::parse("a/b").unwrap();
    for create_only in [false, true] {
        let sweeper = store.clone();
        let body = stream::iter(0..2).then(move |number| {
            let sweeper = sweeper.clone();
            async move {
                if number == 1 {
                    assert_eq!(sweeper.sweep_partial(Duration::ZERO).await.unwrap(), 1);
                }
                Ok::<_, std::io::Error>("piece")
            }
        });
        let put = store.put_stream(&key, body);
        let put = if create_only { put.create_only() } else { put };
        let error = put.await.unwrap_err();

        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, true), "{error}");
        assert!(error.to_string().contains("sweep"), "{error}");
    }
    assert!(store.stat(&key).await.is_err_and(|e| e.is_not_found()));
    assert_eq!(partials(&folder), 0);
}

#[cfg(unix)]
#[tokio::test]
async fn metadata_is_kept_whole_or_refused_as_an_option() {
    let (folder, store) = open();
    let key = ObjectKey::parse("k").unwrap();
    for count in [1, 40, 60, 100, 105, 110, 120, 150, 300] {
        let mut put = store.put(&key, "x").content_type("a/b");
        for number in 0..count {
            put = put.metadata(format!("{number:03}"), "v");
        }
        match put.await {
            Ok(meta) => assert!(count < 110 && meta.metadata.len() == count, "{count}"),
            Err(error) => {
                assert!(count > 100, "{count}: {error}");
                assert_eq!(error.kind(), ErrorKind::InvalidOption, "{count}: {error}");
            }
        }
    }
    let long = store.put(&key, "x").metadata("a", "v".repeat(1_535)).await.unwrap();
    assert_eq!(long.metadata["a"].len(), 1_535);
    assert_eq!(partials(&folder), 0);
}

/// Each removes the other's folder while it is empty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_into_a_folder_that_comes_and_goes_end_well() {
    let (_folder, store) = open();
    let [under, over] = ["a/b/c", "a"].map(|text| ObjectKey::parse(text).unwrap());
    let turns = |key: ObjectKey| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..100 {
                match store.put(&key, "x").await {
                    Ok(_) => store.delete(&key).await.unwrap(),
                    // The other one's object is there right now.
                    Err(e) => assert_eq!(e.kind(), ErrorKind::AlreadyExists, "{e:?}"),
                }
            }
        })
    };
    let (one, other) = tokio::join!(turns(under.clone()), turns(over.clone()));
    one.unwrap();
    other.unwrap();
    store.put(&under, "x").await.unwrap();
    store.delete(&under).await.unwrap();
    store.put(&over, "x").await.unwrap();
}
