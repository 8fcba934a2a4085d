use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::testing::case::{Outcome, cases, ensure, equal, key};
use crate::{ErrorKind, Store};

cases![
    a_copy_has_all_of_its_source,
    a_copy_outlives_its_source,
    a_copy_replaces_and_creates_only,
    nothing_has_no_copy,
    refuses_a_copy_onto_itself,
];

async fn a_copy_has_all_of_its_source(store: Store) -> Outcome {
    let (from, to) = (key("from/k.txt")?, key("to/deeper/k.txt")?);
    store.put(&from, "hello").content_type("text/plain").metadata("job", "17").await?;
    let copied = store.copy(&from, &to).await?;
    let found = store.stat(&to).await?;
    for meta in [copied, found] {
        equal((meta.key.clone(), meta.len), (to.clone(), 5))?;
        equal(meta.content_type.as_deref(), Some("text/plain"))?;
        equal(meta.sha256, Some(Sha256::digest("hello").into()))?;
        equal(meta.metadata.get("job").map(String::as_str), Some("17"))?;
    }
    equal(store.get(&to).await?.bytes(9).await?, Bytes::from("hello"))
}

async fn a_copy_outlives_its_source(store: Store) -> Outcome {
    let (from, to) = (key("from")?, key("to")?);
    store.put(&from, "old").await?;
    store.copy(&from, &to).await?;
    store.put(&from, "new").await?;
    equal(store.get(&to).await?.bytes(9).await?, Bytes::from("old"))?;
    store.delete(&from).await?;
    equal(store.get(&to).await?.bytes(9).await?, Bytes::from("old"))
}

async fn a_copy_replaces_and_creates_only(store: Store) -> Outcome {
    let (from, to) = (key("from")?, key("to")?);
    store.put(&from, "first").await?;
    store.copy(&from, &to).create_only().await?;
    store.put(&from, "second").await?;
    let again = store.copy(&from, &to).create_only().await;
    ensure(again.is_err_and(|e| e.is_already_exists()), "it was replaced")?;
    equal(store.get(&to).await?.bytes(9).await?, Bytes::from("first"))?;
    store.copy(&from, &to).await?;
    equal(store.get(&to).await?.bytes(9).await?, Bytes::from("second"))
}

async fn nothing_has_no_copy(store: Store) -> Outcome {
    let (from, to) = (key("from")?, key("to")?);
    store.put(&to, "kept").await?;
    ensure(store.copy(&from, &to).await.is_err_and(|e| e.is_not_found()), "it was copied")?;
    equal(store.get(&to).await?.bytes(9).await?, Bytes::from("kept"))
}

async fn refuses_a_copy_onto_itself(store: Store) -> Outcome {
    let k = key("k")?;
    store.put(&k, "kept").await?;
    let copy = store.copy(&k, &k).await;
    ensure(copy.is_err_and(|e| e.kind() == ErrorKind::InvalidOption), "it was copied")?;
    equal(store.get(&k).await?.bytes(9).await?, Bytes::from("kept"))
}
