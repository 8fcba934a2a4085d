use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use sha2::{Digest, Sha256};

use crate::error::BoxError;
use crate::testing::case::{Outcome, cases, ensure, equal, key};
use crate::{ErrorKind, PutBody, Store};

cases![
    records_what_it_was_told,
    replaces_the_whole_object,
    keeps_an_empty_object,
    takes_a_key_that_deleted_keys_were_under,
    creates_only_once,
    one_of_many_creators_wins,
    a_put_tells_what_it_wrote_while_others_delete,
    a_put_tells_what_it_wrote_while_others_write,
    refuses_more_than_the_greatest_length,
    refuses_another_than_the_exact_length,
    refuses_other_content_than_the_hash,
    a_failing_source_leaves_the_earlier_object,
    a_dropped_put_leaves_nothing,
    refuses_a_content_type_that_no_header_can_hold,
    streams_more_than_is_held_back,
    keeps_what_else_it_was_told,
    refuses_metadata_that_no_header_can_hold,
];

async fn records_what_it_was_told(store: Store) -> Outcome {
    let k = key("a/b.txt")?;
    let put = store.put(&k, "hello").content_type("text/plain").await?;
    let stat = store.stat(&k).await?;
    ensure(stat.last_modified.is_some(), "no time")?;
    ensure(put.last_modified.is_none_or(|at| stat.last_modified == Some(at)), "another time")?;
    equal(put.etag.as_deref(), stat.etag.as_deref())?;
    for meta in [put, stat] {
        equal(meta.key, k.clone())?;
        equal(meta.len, 5)?;
        equal(meta.content_type.as_deref(), Some("text/plain"))?;
        equal(meta.sha256, Some(Sha256::digest("hello").into()))?;
        ensure(meta.etag.is_some_and(|tag| tag.ends_with('"')), "no etag in quotes")?;
    }
    Ok(())
}

async fn replaces_the_whole_object(store: Store) -> Outcome {
    let k = key("k")?;
    let first = store.put(&k, "a longer text").content_type("text/plain").await?;
    let second = store.put(&k, "short").await?;
    ensure(first.etag != second.etag, "the etag stayed")?;
    // A service may have a default of its own.
    let now = store.stat(&k).await?.content_type;
    ensure(now.as_deref() != Some("text/plain"), "the content type stayed")?;
    equal(store.get(&k).await?.bytes(100).await?, Bytes::from("short"))
}

async fn keeps_an_empty_object(store: Store) -> Outcome {
    let k = key("empty")?;
    store.put(&k, "").await?;
    equal(store.stat(&k).await?.len, 0)?;
    equal(store.get(&k).await?.bytes(0).await?, Bytes::new())
}

async fn takes_a_key_that_deleted_keys_were_under(store: Store) -> Outcome {
    let (under, deeper, over) = (key("a/b")?, key("a/c/d/e")?, key("a")?);
    for k in [&under, &deeper] {
        store.put(k, "x").await?;
        store.delete(k).await?;
    }
    store.put(&over, "y").await?;
    store.delete(&over).await?;
    store.put(&under, "x").await?;
    store.delete(&under).await?;
    store.put(&over, "y").create_only().await?;
    equal(store.get(&over).await?.bytes(9).await?, Bytes::from("y"))
}

async fn creates_only_once(store: Store) -> Outcome {
    let k = key("k")?;
    store.put(&k, "first").create_only().await?;
    let second = store.put(&k, "second").create_only().await;
    ensure(second.is_err_and(|e| e.is_already_exists()), "the second was not refused")?;
    equal(store.get(&k).await?.bytes(100).await?, Bytes::from("first"))
}

async fn one_of_many_creators_wins(store: Store) -> Outcome {
    let k = key("k")?;
    let puts = (0..8).map(|n| {
        let (store, k) = (store.clone(), k.clone());
        tokio::spawn(async move { store.put(&k, format!("{n}")).create_only().await.map(|_| n) })
    });
    let mut winner = None;
    for put in join_all(puts).await {
        match put? {
            Ok(n) => ensure(winner.replace(n).is_none(), "two creators won")?,
            Err(error) => ensure(error.is_already_exists(), &format!("{error:?}"))?,
        }
    }
    let expected = winner.map(|n: i32| n.to_string()).unwrap_or_default();
    equal(store.get(&k).await?.bytes(9).await?, Bytes::from(expected))
}

async fn a_put_tells_what_it_wrote_while_others_delete(store: Store) -> Outcome {
    let k = key("a/k")?;
    let (other, gone) = (store.clone(), k.clone());
    let deleter = tokio::spawn(async move {
        while other.delete(&gone).await.is_ok() {
            tokio::task::yield_now().await;
        }
    });
    let outcome = puts_tell_what_they_wrote(&store, "k", 100).await;
    deleter.abort();
    outcome
}

async fn a_put_tells_what_it_wrote_while_others_write(store: Store) -> Outcome {
    let writers = ["first", "another"].map(|text| {
        let store = store.clone();
        tokio::spawn(async move { puts_tell_what_they_wrote(&store, text, 50).await })
    });
    for writer in writers {
        writer.await??;
    }
    Ok(())
}

async fn puts_tell_what_they_wrote(store: &Store, text: &'static str, times: usize) -> Outcome {
    let k = key("a/k")?;
    for _ in 0..times {
        let put = store.put(&k, text).content_type("text/plain").await?;
        equal((put.len, put.sha256), (text.len() as u64, Some(Sha256::digest(text).into())))?;
        equal(put.content_type.as_deref(), Some("text/plain"))?;
    }
    Ok(())
}

fn pieces(of: &'static [&'static str]) -> PutBody {
    PutBody::stream(stream::iter(of).map(|piece| Ok::<_, BoxError>(*piece)))
}

async fn refuses_more_than_the_greatest_length(store: Store) -> Outcome {
    let k = key("k")?;
    for body in [PutBody::from("12345"), pieces(&["123", "45"])] {
        let put = store.put(&k, body).max_len(4).await;
        ensure(put.is_err_and(|e| e.is_too_large()), "it was taken")?;
        ensure(store.stat(&k).await.is_err_and(|e| e.is_not_found()), "something is there")?;
    }
    store.put(&k, "1234").max_len(4).await?;
    Ok(())
}

async fn refuses_another_than_the_exact_length(store: Store) -> Outcome {
    let k = key("k")?;
    for body in [PutBody::from("12"), PutBody::from("1234"), pieces(&["1"]), pieces(&["12", "34"])]
    {
        let put = store.put(&k, body).exact_len(3).await;
        ensure(put.is_err_and(|e| e.kind() == ErrorKind::LengthMismatch), "it was taken")?;
        ensure(store.stat(&k).await.is_err_and(|e| e.is_not_found()), "something is there")?;
    }
    store.put(&k, pieces(&["12", "", "3"])).exact_len(3).await?;
    Ok(())
}

async fn refuses_other_content_than_the_hash(store: Store) -> Outcome {
    let k = key("k")?;
    store.put(&k, "old").await?;
    let put = store.put(&k, "new").sha256(Sha256::digest("other").into()).await;
    ensure(put.is_err_and(|e| e.kind() == ErrorKind::ChecksumMismatch), "it was taken")?;
    equal(store.get(&k).await?.bytes(9).await?, Bytes::from("old"))?;
    store.put(&k, "new").sha256(Sha256::digest("new").into()).await?;
    Ok(())
}

async fn a_failing_source_leaves_the_earlier_object(store: Store) -> Outcome {
    let k = key("k")?;
    store.put(&k, "old").await?;
    let broken = stream::iter([Ok("ne"), Err("cut")]);
    let put = store.put_stream(&k, broken).await;
    ensure(put.is_err_and(|e| e.kind() == ErrorKind::Body), "it was taken")?;
    equal(store.get(&k).await?.bytes(9).await?, Bytes::from("old"))
}

async fn a_dropped_put_leaves_nothing(store: Store) -> Outcome {
    let k = key("k")?;
    let (was_taken, taken) = tokio::sync::oneshot::channel();
    let endless = stream::once(async { Ok::<_, BoxError>("ne") }).chain(stream::once(async {
        let _ = was_taken.send(());
        std::future::pending().await
    }));
    let put = tokio::spawn(store.put_stream(&k, endless).into_future());
    taken.await?;
    put.abort();
    ensure(put.await.is_err_and(|e| e.is_cancelled()), "an endless put ended")?;
    ensure(store.stat(&k).await.is_err_and(|e| e.is_not_found()), "something is there")
}

async fn refuses_a_content_type_that_no_header_can_hold(store: Store) -> Outcome {
    let k = key("k")?;
    for bad in ["text/plain\r\nx: y", "", "text"] {
        let put = store.put(&k, "x").content_type(bad).await;
        ensure(put.is_err_and(|e| e.kind() == ErrorKind::InvalidOption), bad)?;
    }
    Ok(())
}

async fn streams_more_than_is_held_back(store: Store) -> Outcome {
    const PIECE: usize = 1 << 20;
    let k = key("large")?;
    let body = stream::iter(0..20u8).map(|n| Ok::<_, BoxError>(vec![n; PIECE]));
    let put = store.put_stream(&k, body).content_type("a/b").await?;
    equal(put.len, 20 * PIECE as u64)?;
    ensure(put.sha256.is_some(), "no hash")?;
    let from = 7 * PIECE as u64;
    let part = store.get(&k).range(from - 1..=from).await?.bytes(2).await?;
    equal(part, Bytes::from(vec![6, 7]))
}

async fn keeps_what_else_it_was_told(store: Store) -> Outcome {
    let k = key("k")?;
    let large =
        || PutBody::stream(stream::iter(0..9u8).map(|n| Ok::<_, BoxError>(vec![n; 1 << 20])));
    for body in [PutBody::from("small"), large()] {
        let put = store.put(&k, body).metadata("job", "17").metadata("by-whom", "J. Doe: a=b");
        put.await?;
        let metadata = store.stat(&k).await?.metadata;
        let known = |name: &str| metadata.get(name).map(String::as_str);
        equal((known("job"), known("by-whom")), (Some("17"), Some("J. Doe: a=b")))?;
        equal(metadata.len(), 2)?;
    }
    store.put(&k, "bare").await?;
    equal(store.stat(&k).await?.metadata.len(), 0)
}

async fn refuses_metadata_that_no_header_can_hold(store: Store) -> Outcome {
    let k = key("k")?;
    let long = "x".repeat(2_000);
    for (name, value) in [
        ("", "x"),
        ("A", "x"),
        ("a b", "x"),
        ("a", ""),
        ("a", "ä"),
        ("a", "x\r\ny"),
        ("a", " x"),
        ("a", "=?UTF-8?B?eA==?="),
        ("a", &long),
    ] {
        let put = store.put(&k, "x").metadata(name, value).await;
        ensure(put.is_err_and(|e| e.kind() == ErrorKind::InvalidOption), name)?;
    }
    ensure(store.stat(&k).await.is_err_and(|e| e.is_not_found()), "something is there")
}
