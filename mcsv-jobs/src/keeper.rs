use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use crate::jobs::Inner;
use crate::owner::Session;
use crate::store::{Seen, Watch};
use crate::trace::Gauged;
use crate::{Error, ErrorKind, trace};

/// How often is seen what is due where nothing has to be looked for: far shorter than what is due.
const TICK: Duration = Duration::from_millis(100);
/// How often orphans are looked for while anybody holds a lease. With a tick, the grace of an owner who may
/// live and the rescue's own transaction, it comes well within a second of the lease's end.
const RESCUE: Duration = Duration::from_millis(300);
/// How often while nobody does: no lease is shorter, so none can begin and run out in between.
const CALM: Duration = Duration::from_secs(1);
/// How often the gauges are set and dead lock files removed.
const GAUGES: Duration = Duration::from_secs(10);
/// Where a million jobs wait, to count them takes a second: this many times as long, they are left
/// alone.
const REST: u32 = 20;
/// How long after a panic it is begun anew: what panics every time must not fill the log.
const RECOVERY: Duration = Duration::from_secs(1);
/// How long the database may take to answer one of these questions.
const SILENT: Duration = Duration::from_secs(20);

/// What one process does once for all its drivers: it notices what others wrote, finds orphans and
/// sets the gauges.
pub(crate) struct Keeper {
    session: Arc<Session>,
    drivers: AtomicU64,
    task: JoinHandle<()>,
}

impl Keeper {
    pub(crate) fn spawn(inner: &Arc<Inner>) -> Self {
        let session = Arc::new(Session::open(inner.store.file()));
        let (weak, own) = (Arc::downgrade(inner), Arc::clone(&session));
        // What takes long to count must not hold up who looks for orphans.
        let task = tokio::spawn(async move {
            tokio::join!(
                outlive_panics("orphans are looked for", || keep(weak.clone(), &own)),
                outlive_panics("depths are counted", || gauge_all(weak.clone(), &own)),
            );
        });
        Keeper { session, drivers: AtomicU64::new(1), task }
    }

    /// A name for the leases of a new driver.
    pub(crate) fn new_owner(&self) -> String {
        self.session.owner(self.drivers.fetch_add(1, Ordering::Relaxed))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Begins `work` anew after a panic, in whatever it calls: without it the leases of the dead would never
/// be looked for again.
async fn outlive_panics<F: Future<Output = ()>>(what: &str, work: impl Fn() -> F) {
    // What it leaves behind is dropped, and it begins with nothing.
    while AssertUnwindSafe(work()).catch_unwind().await.is_err() {
        tracing::error!("a panic in the task by which {what}: beginning anew in {RECOVERY:?}");
        sleep(RECOVERY).await;
    }
}

async fn keep(inner: Weak<Inner>, session: &Arc<Session>) {
    let mut watch = {
        let Some(inner) = inner.upgrade() else { return };
        Watch::new(&inner.store, session, &inner.bells)
    };
    let mut look = interval(TICK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut rescued = None;
    let mut leased = true;
    loop {
        tokio::select! {
            _ = look.tick() => {}
            () = watch.written() => {}
        }
        let Some(inner) = inner.upgrade() else { return };
        match watch.look(&inner.store).await {
            Seen::Nothing => {}
            Seen::NewJobs => inner.bells.ring_each(),
            Seen::Change => inner.bells.ring_all(),
        }
        if is_due(&mut rescued, if leased { RESCUE } else { CALM }) {
            let found = in_time(find_orphans(&inner, session, &mut watch)).await;
            leased = log(found, "orphans can't be looked for").unwrap_or(true);
        }
    }
}

async fn gauge_all(inner: Weak<Inner>, session: &Session) {
    let mut seen = BTreeSet::new();
    loop {
        let since = Instant::now();
        {
            let Some(inner) = inner.upgrade() else { return };
            log(in_time(gauge(&inner, session, &mut seen)).await, "depths can't be counted");
        }
        sleep(GAUGES.max(since.elapsed() * REST)).await;
    }
}

/// A database that is silent must not hold up the next look.
async fn in_time<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let silent = |_| Error::new(ErrorKind::Unavailable, format!("no answer within {SILENT:?}"));
    timeout(SILENT, work).await.map_err(silent)?
}

fn is_due(last: &mut Option<Instant>, every: Duration) -> bool {
    let due = last.is_none_or(|last| last.elapsed() >= every);
    if due {
        *last = Some(Instant::now());
    }
    due
}

fn log<T>(result: Result<T, Error>, what: &str) -> Option<T> {
    let warn = |error: &Error| {
        tracing::warn!(error = error as &dyn std::error::Error, "{what}: will try again");
    };
    result.inspect_err(warn).ok()
}

/// Whether anybody holds a lease.
async fn find_orphans(inner: &Inner, session: &Session, watch: &mut Watch) -> Result<bool, Error> {
    let mut orphaned: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let holders = inner.store.lease_holders().await?;
    let all_dead = watch.dead(&inner.store, session, &holders).await?;
    let leased = !holders.is_empty();
    for holder in holders {
        let dead = all_dead.contains(&holder.owner);
        if dead || holder.expired {
            orphaned.entry(holder.queue).or_default().extend(dead.then_some(holder.owner));
        }
    }
    for (queue, dead) in orphaned {
        inner.bells.orphaned(&queue, &dead);
    }
    Ok(leased)
}

async fn gauge(inner: &Inner, session: &Session, seen: &mut BTreeSet<Gauged>) -> Result<(), Error> {
    inner.announce_completions(&inner.store.close_overdue_batches().await?);
    trace::gauge_depths(&inner.store.depths().await?, seen);
    let holders = inner.store.lease_holders().await?;
    let owners: Vec<&str> = holders.iter().map(|holder| holder.owner.as_str()).collect();
    session.clean_up(&owners);
    Ok(())
}
