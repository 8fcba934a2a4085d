use bytes::Bytes;
use futures_util::StreamExt;

use crate::testing::case::{Outcome, cases, ensure, equal, key};
use crate::{ErrorKind, ObjectKey, Store};

cases![
    an_absent_object_is_not_found,
    reads_ranges,
    refuses_more_than_the_reader_allows,
    copies_into_a_writer,
    deletes_what_is_there_and_what_is_not,
    takes_the_longest_key,
    a_folder_is_no_object,
    a_reader_sees_one_version_or_an_error,
    is_ready,
    reads_only_what_is_new,
    reads_only_the_demanded_version,
];

async fn an_absent_object_is_not_found(store: Store) -> Outcome {
    for absent in ["absent", "absent/deeper/still"] {
        let k = key(absent)?;
        ensure(store.stat(&k).await.is_err_and(|e| e.is_not_found()), "stat found it")?;
        ensure(store.get(&k).await.is_err_and(|e| e.is_not_found()), "get found it")?;
    }
    store.put(&key("file")?, "x").await?;
    let under = key("file/under")?;
    ensure(store.stat(&under).await.is_err_and(|e| e.is_not_found()), "found under a file")
}

async fn reads_ranges(store: Store) -> Outcome {
    let k = key("digits")?;
    store.put(&k, "0123456789").await?;
    let read = async |object: crate::Get| object.await?.bytes(100).await;
    equal(read(store.get(&k)).await?, Bytes::from("0123456789"))?;
    equal(read(store.get(&k).range(..)).await?, Bytes::from("0123456789"))?;
    equal(read(store.get(&k).range(0..1)).await?, Bytes::from("0"))?;
    equal(read(store.get(&k).range(3..=4)).await?, Bytes::from("34"))?;
    equal(read(store.get(&k).range(8..)).await?, Bytes::from("89"))?;
    equal(read(store.get(&k).range(8..u64::MAX)).await?, Bytes::from("89"))?;
    equal(read(store.get(&k).range(..2)).await?, Bytes::from("01"))?;
    equal(store.get(&k).range(3..5).await?.meta().len, 10)?;
    for outside in [10..11, 99..100, u64::MAX - 1..u64::MAX] {
        let read = store.get(&k).range(outside).await;
        let kind = read.map_err(|e| e.kind()).err();
        equal(kind, Some(ErrorKind::RangeNotSatisfiable))?;
    }
    Ok(())
}

async fn refuses_more_than_the_reader_allows(store: Store) -> Outcome {
    let k = key("k")?;
    store.put(&k, "12345").await?;
    let read = store.get(&k).await?.bytes(4).await;
    ensure(read.is_err_and(|e| e.is_too_large()), "it was read")?;
    equal(store.get(&k).range(0..4).await?.bytes(4).await?.len(), 4)
}

async fn copies_into_a_writer(store: Store) -> Outcome {
    let k = key("k")?;
    store.put(&k, vec![7; 1_000_000]).await?;
    let mut copy = Vec::new();
    equal(store.get(&k).range(1..).await?.copy_to(&mut copy).await?, 999_999)?;
    ensure(copy == vec![7; 999_999], "the copy differs")
}

async fn deletes_what_is_there_and_what_is_not(store: Store) -> Outcome {
    let k = key("folder/k")?;
    store.put(&k, "x").await?;
    for _ in 0..2 {
        store.delete(&k).await?;
        ensure(store.stat(&k).await.is_err_and(|e| e.is_not_found()), "it is there")?;
    }
    store.delete(&key("never/was")?).await?;
    Ok(())
}

async fn takes_the_longest_key(store: Store) -> Outcome {
    let segment = "s".repeat(255);
    let k = key(&format!("{segment}/{segment}"))?;
    ensure(k.as_str().len() > ObjectKey::MAX_LEN - 2, "not the longest")?;
    store.put(&k, "x").await?;
    equal(store.list().prefix(&segment).await?.objects.len(), 1)?;
    equal(store.get(&k).await?.bytes(1).await?, Bytes::from("x"))
}

async fn a_folder_is_no_object(store: Store) -> Outcome {
    let inner = key("folder/inner")?;
    store.put(&inner, "x").await?;
    let folder = key("folder")?;
    ensure(store.stat(&folder).await.is_err_and(|e| e.is_not_found()), "stat found a folder")?;
    ensure(store.get(&folder).await.is_err_and(|e| e.is_not_found()), "get found a folder")?;
    store.delete(&folder).await?;
    equal(store.stat(&inner).await?.len, 1)
}

async fn a_reader_sees_one_version_or_an_error(store: Store) -> Outcome {
    const LEN: usize = 1 << 20;
    let k = key("k")?;
    store.put(&k, vec![0; LEN]).await?;
    let writer = tokio::spawn({
        let (store, k) = (store.clone(), k.clone());
        async move {
            for version in 1..20u8 {
                store.put(&k, vec![version; LEN]).await?;
            }
            crate::Result::<()>::Ok(())
        }
    });
    while !writer.is_finished() {
        // A store that never waits would keep the writer from its turn on a single thread.
        tokio::task::yield_now().await;
        let mut stream = store.get(&k).await?.into_stream();
        let mut seen = None;
        while let Some(Ok(piece)) = stream.next().await {
            let first = *seen.get_or_insert(piece[0]);
            ensure(piece.iter().all(|byte| *byte == first), "two versions in one read")?;
        }
    }
    writer.await??;
    Ok(())
}

async fn is_ready(store: Store) -> Outcome {
    store.check().await?;
    Ok(())
}

async fn reads_only_what_is_new(store: Store) -> Outcome {
    let k = key("k")?;
    let first = store.put(&k, "first").await?.etag.ok_or("no etag")?;
    let known = store.get(&k).if_none_match(&first).await;
    ensure(known.is_err_and(|e| e.is_not_modified()), "it was read again")?;
    store.put(&k, "second").await?;
    let read = store.get(&k).if_none_match(&first).await?.bytes(9).await?;
    equal(read, Bytes::from("second"))
}

async fn reads_only_the_demanded_version(store: Store) -> Outcome {
    let k = key("k")?;
    let first = store.put(&k, "first").await?.etag.ok_or("no etag")?;
    equal(store.get(&k).if_match(&first).await?.bytes(9).await?, Bytes::from("first"))?;
    store.put(&k, "second").await?;
    let read = store.get(&k).if_match(&first).await;
    ensure(read.is_err_and(|e| e.kind() == ErrorKind::PreconditionFailed), "it was read")
}
