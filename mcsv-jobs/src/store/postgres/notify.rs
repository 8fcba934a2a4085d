use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::Notify;
use tokio::time::sleep;

pub(super) const CHANNEL: &str = "mcsv_jobs";
/// A commit with a notification holds a lock on the whole server, so a busy queue sends one per
/// this time and not one per job.
const GAP: Duration = Duration::from_millis(20);
/// No queue has this name: it means "look after your leases".
const ALL: &str = "*all*";

/// Tells other processes what this one has committed.
pub(crate) struct Notifier {
    pending: Arc<Pending>,
    /// What this process calls itself: it rings its own bells without the server's help.
    sender: String,
}

#[derive(Default)]
struct Pending {
    words: Mutex<BTreeSet<String>>,
    more: Notify,
    closed: AtomicBool,
}

/// What a notification says.
#[derive(Debug, PartialEq)]
pub(super) enum News<'a> {
    Queue(&'a str),
    Leases,
}

impl Notifier {
    pub(super) fn spawn(pool: PgPool) -> Self {
        let pending = Arc::new(Pending::default());
        let sender = format!("{:016x}", fastrand::u64(..));
        tokio::spawn(send_all(pool, sender.clone(), Arc::clone(&pending)));
        Notifier { pending, sender }
    }

    pub(super) fn sender(&self) -> &str {
        &self.sender
    }

    /// New work in `queue`.
    pub(in crate::store) fn tell(&self, queue: &str) {
        let mut words = self.pending.words.lock().unwrap_or_else(PoisonError::into_inner);
        if words.insert(queue.to_owned()) {
            self.pending.more.notify_one();
        }
    }

    /// A lease may have changed hands, or its job was called off.
    pub(in crate::store) fn tell_all(&self) {
        self.tell(ALL);
    }
}

impl Drop for Notifier {
    fn drop(&mut self) {
        // What is pending is still told.
        self.pending.closed.store(true, Ordering::Release);
        self.pending.more.notify_one();
    }
}

async fn send_all(pool: PgPool, sender: String, pending: Arc<Pending>) {
    let mut closed = false;
    while !closed {
        pending.more.notified().await;
        closed = pending.closed.load(Ordering::Acquire);
        let words =
            std::mem::take(&mut *pending.words.lock().unwrap_or_else(PoisonError::into_inner));
        let words: Vec<String> = words.into_iter().collect();
        if words.is_empty() {
            continue;
        }
        let sent = sqlx::query("SELECT pg_notify($1, $2 || ' ' || word) FROM unnest($3) AS word")
            .bind(CHANNEL)
            .bind(&sender)
            .bind(words)
            .execute(&pool)
            .await;
        if let Err(error) = sent {
            // Workers elsewhere find the jobs when they look by themselves.
            tracing::debug!(%error, "workers of other processes were not told of new work");
        }
        sleep(GAP).await;
    }
}

/// Has the server tell everybody, this process too, when the caller's transaction commits.
pub(super) const TELL_EACH: &str =
    "SELECT pg_notify('mcsv_jobs', '- ' || queue) FROM (SELECT DISTINCT unnest($1) AS queue) AS q";
pub(super) const TELL_ALL: &str = "SELECT pg_notify('mcsv_jobs', '- *all*')";

/// Reads a notification; none if `own` sent it or if it is no news of ours.
pub(super) fn read<'a>(payload: &'a str, own: &str) -> Option<News<'a>> {
    let (sender, word) = payload.split_once(' ')?;
    match word {
        _ if sender == own => None,
        ALL => Some(News::Leases),
        queue => Some(News::Queue(queue)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_does_not_listen_to_itself() {
        assert_eq!(read("aa emails", "bb"), Some(News::Queue("emails")));
        assert_eq!(read("aa *all*", "bb"), Some(News::Leases));
        assert_eq!(read("aa emails", "aa"), None);
        assert_eq!(read("- emails", "aa"), Some(News::Queue("emails")));
        assert_eq!(read("nonsense", "aa"), None);
    }
}
