use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use mcsv_core::Backoff;
use sqlx::postgres::PgListener;
use sqlx::{Executor, PgExecutor, PgPool};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::PostgresStore;
use super::notify::{self, CHANNEL, News};
use crate::Error;
use crate::owner::Session;
use crate::store::LeaseHolder;
use crate::wake::Bells;

/// How long a session's lock must be seen free before its process counts as dead.
///
/// A process that only lost its connection takes the lock again long before.
const GRACE: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(5);
/// How often this process makes sure of its own lock while nobody holds a lease.
const CALM: Duration = Duration::from_secs(10);
/// How long the listening connection may be quiet before it is tried.
const QUIET: Duration = Duration::from_secs(10);
/// How long that may take.
const TRIAL: Duration = Duration::from_secs(5);
/// How long a new one may take until it listens.
const SET_UP: Duration = Duration::from_secs(10);

/// This process's connection that listens, and holds an advisory lock of the session's name.
///
/// The server drops the lock when the connection ends, and the system ends the connection when the
/// process does. So a lock that stays free is the proof that its owner is dead.
pub(crate) struct Presence {
    task: JoinHandle<()>,
    pool: PgPool,
    sender: String,
    session: Arc<Session>,
    bells: Arc<Bells>,
    /// Since when the locks of other sessions have been seen free.
    missing: BTreeMap<i64, Instant>,
    own_missing: bool,
    looked_at: Option<Instant>,
}

impl Presence {
    pub(in crate::store) fn spawn(
        store: &PostgresStore,
        session: &Arc<Session>,
        bells: &Arc<Bells>,
    ) -> Self {
        let (pool, sender) = (store.engine().clone(), store.notifier.sender().to_owned());
        let (session, bells) = (Arc::clone(session), Arc::clone(bells));
        let listening = listen(pool.clone(), sender.clone(), session.key(), Arc::clone(&bells));
        let task = tokio::spawn(listening);
        let missing = BTreeMap::new();
        let own_missing = true;
        Presence { task, pool, sender, session, bells, missing, own_missing, looked_at: None }
    }

    /// Those of `holders` whose locks have been free for long enough.
    pub(in crate::store) async fn dead(
        &mut self,
        store: &PostgresStore,
        session: &Session,
        holders: &[LeaseHolder],
    ) -> Result<Vec<String>, Error> {
        if holders.is_empty() && self.looked_at.is_some_and(|at| at.elapsed() < CALM) {
            return Ok(Vec::new());
        }
        self.looked_at = Some(Instant::now());
        let present = match present(store.engine()).await {
            Ok(present) => present,
            Err(error) => {
                // Locks that cannot be seen are not free.
                self.missing.clear();
                return Err(error.into());
            }
        };
        self.hold(&present).await;
        let others = holders.iter().filter_map(|holder| {
            let key = Session::key_of(&holder.owner)?;
            (key != session.key() && !present.contains(&key)).then_some((key, &holder.owner))
        });
        let others: Vec<(i64, &String)> = others.collect();
        self.missing.retain(|key, _| others.iter().any(|(other, _)| other == key));
        let mut dead = Vec::new();
        for (key, owner) in others {
            let since = *self.missing.entry(key).or_insert_with(Instant::now);
            if since.elapsed() >= GRACE {
                dead.push(owner.clone());
            }
        }
        Ok(dead)
    }

    /// Takes the lock again where it is gone.
    ///
    /// The connection that listened may seem to live, as behind a proxy that dropped it, and a server
    /// that has no place for a new one may go on serving those that there are. So one of the workers'
    /// connections has the lock meanwhile: whoever renews his leases is not dead.
    async fn hold(&mut self, present: &BTreeSet<i64>) {
        let missing = !present.contains(&self.session.key());
        if missing && !self.own_missing {
            self.task.abort();
            let (pool, sender) = (self.pool.clone(), self.sender.clone());
            let bells = Arc::clone(&self.bells);
            self.task = tokio::spawn(listen(pool, sender, self.session.key(), bells));
        }
        self.own_missing = missing;
        if missing && let Err(error) = lock(&self.pool, self.session.key()).await {
            tracing::debug!(%error, "others may take this process for dead");
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Holds the session's lock for as long as the connection lives.
///
/// Shared: a connection that the server still takes for alive must not keep its successor out.
async fn lock<'c>(conn: impl PgExecutor<'c>, key: i64) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_lock_shared($1)").bind(key).execute(conn).await.map(drop)
}

/// The keys of the advisory locks that are held in this database.
async fn present(pool: &PgPool) -> Result<BTreeSet<i64>, sqlx::Error> {
    let keys: Vec<i64> = sqlx::query_scalar(
        "SELECT (classid::BIGINT << 32) | objid::BIGINT FROM pg_locks
         WHERE locktype = 'advisory' AND objsubid = 1 AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    )
    .fetch_all(pool)
    .await?;
    Ok(keys.into_iter().collect())
}

async fn listen(pool: PgPool, sender: String, key: i64, bells: Arc<Bells>) {
    let mut failures = 0_u32;
    loop {
        let started = Instant::now();
        if let Err(error) = listen_once(&pool, &sender, key, &bells).await {
            tracing::warn!(%error, "not told of new work: polling until connected again");
        }
        if started.elapsed() > LONGEST {
            failures = 0;
        }
        failures = failures.saturating_add(1);
        let wait = Backoff::exponential(Duration::from_millis(100), LONGEST)
            .map_or(LONGEST, |backoff| backoff.delay(failures));
        sleep(wait).await;
    }
}

async fn begin_to_listen(pool: &PgPool, key: i64) -> Result<PgListener, sqlx::Error> {
    let options = pool.connect_options();
    let own = sqlx::postgres::PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .connect_with((*options).clone())
        .await?;
    let mut listener = PgListener::connect_with(&own).await?;
    listener.eager_reconnect(false);
    lock(&mut listener, key).await?;
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

async fn listen_once(
    pool: &PgPool,
    sender: &str,
    key: i64,
    bells: &Bells,
) -> Result<(), sqlx::Error> {
    let listener = timeout(SET_UP, begin_to_listen(pool, key)).await;
    let mut listener = listener.map_err(std::io::Error::from)??;
    // What was told while nobody listened.
    bells.ring_everything();
    loop {
        let Ok(heard) = timeout(QUIET, listener.try_recv()).await else {
            // A connection that leads nowhere is as quiet as one where nothing happens.
            let answer = timeout(TRIAL, (&mut listener).execute("SELECT 1")).await;
            answer.map_err(std::io::Error::from)??;
            continue;
        };
        let Some(notification) = heard? else { return Ok(()) };
        match notify::read(notification.payload(), sender) {
            Some(News::Queue(queue)) => bells.ring(queue),
            Some(News::Leases) => bells.ring_all(),
            None => {}
        }
    }
}
