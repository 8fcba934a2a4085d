use std::time::Duration;

use crate::testing::case::{Outcome, cases, ensure, equal, key};
use crate::{ErrorKind, ObjectMeta, Page, Result, Store};

cases![
    an_empty_store_lists_nothing,
    pages_hold_each_key_once_in_order,
    a_prefix_need_not_be_a_folder,
    tells_what_stat_tells,
    leaves_out_what_is_young,
    refuses_a_prefix_that_no_key_has,
    takes_any_prefix_of_a_key,
];

async fn fill(store: &Store, keys: &[&str]) -> Result<()> {
    for text in keys {
        store.put(&key(text)?, "x").await?;
    }
    Ok(())
}

fn names(page: &Page) -> Vec<&str> {
    page.objects.iter().map(|object| object.key.as_str()).collect()
}

async fn an_empty_store_lists_nothing(store: Store) -> Outcome {
    for prefix in ["", "logs/", "logs/2026"] {
        let page = store.list().prefix(prefix).await?;
        equal((page.objects.len(), page.next.is_none()), (0, true))?;
    }
    Ok(())
}

async fn pages_hold_each_key_once_in_order(store: Store) -> Outcome {
    // '-' and '.' sort before '/', so an order by folder would differ.
    let mut keys = ["b", "a/1", "a-x/1", "a.y", "a/2/deep", "a0", "A", "a/10"];
    fill(&store, &keys).await?;
    keys.sort_unstable();
    for limit in [1, 3, 7, 8, 9] {
        let mut seen: Vec<String> = Vec::new();
        let mut page = store.list().limit(limit).await?;
        loop {
            ensure(page.objects.len() <= limit, "a page is too long")?;
            seen.extend(names(&page).into_iter().map(str::to_owned));
            let Some(next) = page.next else { break };
            // A token survives being text.
            page = store.list().limit(limit).page_token(next.to_string().parse()?).await?;
        }
        equal(seen, keys.map(str::to_owned).to_vec())?;
    }
    Ok(())
}

async fn a_prefix_need_not_be_a_folder(store: Store) -> Outcome {
    fill(&store, &["logs/2025-12", "logs/2026-01", "logs/2026-02", "logsx", "other"]).await?;
    equal(names(&store.list().prefix("logs/2026").await?), vec!["logs/2026-01", "logs/2026-02"])?;
    equal(names(&store.list().prefix("logs").await?).len(), 4)?;
    equal(names(&store.list().prefix("logs/").await?).len(), 3)
}

async fn tells_what_stat_tells(store: Store) -> Outcome {
    fill(&store, &["k"]).await?;
    let stat = store.stat(&key("k")?).await?;
    let page = store.list().await?;
    let [listed] = &page.objects[..] else { return Err("not one object".into()) };
    let known = |object: &ObjectMeta| (object.len, object.etag.clone());
    equal(known(listed), known(&stat))
}

async fn leaves_out_what_is_young(store: Store) -> Outcome {
    fill(&store, &["a", "b"]).await?;
    equal(store.list().older_than(Duration::from_secs(3600)).await?.objects.len(), 0)?;
    equal(store.list().older_than(Duration::MAX).await?.objects.len(), 0)?;
    // A service's clock may be a little ahead of ours: age zero is what is sure to be past.
    let all = store.list().await?;
    equal(all.objects.iter().filter(|object| object.last_modified.is_some()).count(), 2)
}

async fn takes_any_prefix_of_a_key(store: Store) -> Outcome {
    let text = "q/a..b/c.";
    fill(&store, &[text, "q/a", "z"]).await?;
    for end in 0..=text.len() {
        let page = store.list().prefix(&text[..end]).await?;
        ensure(names(&page).contains(&text), &text[..end])?;
    }
    Ok(())
}

async fn refuses_a_prefix_that_no_key_has(store: Store) -> Outcome {
    for bad in ["../", "a/../b", "a b", "ä", "a\0", "/", "a//", ".a", "a/."] {
        let listed = store.list().prefix(bad).await;
        ensure(listed.is_err_and(|e| e.kind() == ErrorKind::InvalidOption), bad)?;
    }
    for bad in [0, 1_001, usize::MAX] {
        let listed = store.list().limit(bad).await;
        ensure(listed.is_err_and(|e| e.kind() == ErrorKind::InvalidOption), "a limit")?;
    }
    Ok(())
}
