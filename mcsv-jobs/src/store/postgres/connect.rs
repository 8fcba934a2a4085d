use std::str::FromStr;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool, Postgres, Transaction};
use tokio::time::timeout;

use super::notify::Notifier;
use super::{PostgresStore, schema};
use crate::{Error, ErrorKind};

/// How long a call waits for a connection before it fails as unavailable.
const ACQUIRE: Duration = Duration::from_secs(30);
/// The most connections of callers, and of the workers, in one process.
const CALLERS: u32 = 10;
const ENGINE: u32 = 5;
/// A connection that was idle this long is tried before it is used.
const STALE: Duration = Duration::from_secs(1);
/// And is given up when it says nothing for so long.
const TRIAL: Duration = Duration::from_secs(2);

/// A connection that is silent this long is given up: the machine behind it may be gone.
pub(super) const SILENT: Duration = Duration::from_secs(20);
/// The least time for the answer to a worker: locks are waited for.
const SHORTEST: Duration = Duration::from_secs(2);
/// The same for what takes the longer the more jobs there are: a server that works is silent, too.
const LONG: Duration = Duration::from_secs(300);

impl PostgresStore {
    pub(in crate::store) async fn connect(url: &str) -> Result<Self, Error> {
        // The cause is left out: it may quote the URL, and with it the password.
        let options = PgConnectOptions::from_str(url).map_err(|_| {
            Error::invalid("bad database URL: give one such as postgres://app@db.example/app")
        })?;
        let options = options.application_name("mcsv-jobs");
        try_statements(&options).await?;
        let callers = pool(CALLERS).connect_with(options.clone()).await?;
        check_encoding(&callers).await?;
        schema::migrate(&callers).await?;
        let engine = pool(ENGINE)
            .after_connect(|conn, _| Box::pin(go_by_what_is_committed(conn)))
            .connect_lazy_with(options);
        let notifier = Notifier::spawn(engine.clone());
        let (offers, frontiers) = Default::default();
        Ok(PostgresStore { callers, engine, notifier, offers, frontiers })
    }

    pub(super) fn engine(&self) -> &PgPool {
        &self.engine
    }

    /// Asks on a caller's connection what is answered at once.
    pub(super) async fn call<T>(&self, ask: impl Ask<T>) -> Result<T, Error> {
        within(SILENT, &self.callers, ask).await
    }

    /// Asks on a caller's connection for something about so many jobs, a millisecond for each.
    pub(super) async fn call_about<T>(&self, jobs: usize, ask: impl Ask<T>) -> Result<T, Error> {
        let each = Duration::from_millis(u64::try_from(jobs).unwrap_or(u64::MAX));
        within(SILENT.saturating_add(each), &self.callers, ask).await
    }

    /// Asks on a caller's connection what may have to look at every job.
    pub(super) async fn long_call<T>(&self, ask: impl Ask<T>) -> Result<T, Error> {
        within(LONG, &self.callers, ask).await
    }

    /// Asks on one of the workers' connections.
    pub(super) async fn engine_call<T>(&self, ask: impl Ask<T>) -> Result<T, Error> {
        within(SILENT, &self.engine, ask).await
    }

    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Postgres>, Error> {
        // Together with the time for a connection, of which it takes no notice.
        let silent = ACQUIRE + SILENT;
        let begun = timeout(silent, self.callers.begin()).await;
        Ok(begun.map_err(|_| gave_no_answer(silent))??)
    }
}

/// Statements on one connection.
pub(super) trait Ask<T>: AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error> {}

impl<T, F: AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>> Ask<T> for F {}

async fn within<T>(silent: Duration, pool: &PgPool, ask: impl Ask<T>) -> Result<T, Error> {
    let mut conn = pool.acquire().await?;
    match timeout(silent, ask(&mut conn)).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(give_up(conn, silent)),
    }
}

/// Asks again, up to five times in all, for what the server refused only for what others did at the same
/// time: in a deadlock, or where a key was taken between a look and a write. Nothing of it was done.
macro_rules! outlast_races {
    ($ask:expr) => {{
        let mut left = 4;
        loop {
            match $ask.await {
                Err(error) if left > 0 && $crate::store::postgres::connect::is_race(&error) => {
                    left -= 1;
                }
                answer => break answer,
            }
        }
    }};
}
pub(super) use outlast_races;

pub(super) fn is_race(error: &sqlx::Error) -> bool {
    const DEADLOCK: &str = "40P01";
    const UNIQUE_VIOLATION: &str = "23505";
    [DEADLOCK, UNIQUE_VIOLATION, SERIALIZATION_FAILURE].iter().any(|code| is_of(error, code))
}

/// Two transactions of a stricter isolation got in each other's way.
pub(super) const SERIALIZATION_FAILURE: &str = "40001";

/// Whether the server's answer has this SQLSTATE.
pub(super) fn is_of(error: &sqlx::Error, code: &str) -> bool {
    let of_server = error.as_database_error().and_then(|error| error.code());
    of_server.is_some_and(|it| it == code)
}

/// How long a worker waits for an answer: early enough to renew the leases on another connection.
pub(super) fn patience(lease: Duration) -> Duration {
    SILENT.min(lease / 3).max(SHORTEST)
}

/// Throws a silent connection away. In the pool it would keep its place until the system gives it
/// up, which takes a quarter of an hour.
pub(super) fn give_up(conn: PoolConnection<Postgres>, silent: Duration) -> Error {
    drop(conn.detach());
    gave_no_answer(silent)
}

fn gave_no_answer(silent: Duration) -> Error {
    let context = format!("the job database gave no answer within {silent:?}: try again later");
    Error::new(ErrorKind::Unavailable, context)
}

/// Refuses a proxy that gives each transaction the session that is free just then, and knows nothing of
/// prepared statements: such as PgBouncer in transaction mode, before 1.21 or by its settings.
///
/// What one connection has prepared is missing there when it asks for it, or is there for another: nearly
/// every call would fail, and a few would be answered with the rows of something else. Two connections
/// have two sessions, but behind such a proxy, where the second is given the one that the first has no
/// use for now.
async fn try_statements(options: &PgConnectOptions) -> Result<(), Error> {
    let tried = async {
        let mut one = PgConnection::connect_with(options).await?;
        let mut other = PgConnection::connect_with(options).await?;
        for conn in [&mut one, &mut other] {
            sqlx::query("SELECT 1").execute(conn).await?;
        }
        one.close().await?;
        other.close().await
    };
    Ok(timeout(SILENT, tried).await.map_err(|_| gave_no_answer(SILENT))??)
}

/// Refuses a database that has no place for some characters. One error of one handler would keep the
/// outcomes of its whole queue from being written, for ever.
async fn check_encoding(pool: &PgPool) -> Result<(), Error> {
    let encoding: String = sqlx::query_scalar("SHOW server_encoding").fetch_one(pool).await?;
    // SQL_ASCII takes any bytes.
    if ["UTF8", "SQL_ASCII"].contains(&encoding.as_str()) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the job database has the encoding {encoding}: make one with ENCODING 'UTF8'"
    )))
}

/// The workers' statements are written for `READ COMMITTED`, in which they wait for each other. Where the
/// database has a stricter default the server would refuse them one after the other; callers, whose
/// transactions are their own, keep it.
async fn go_by_what_is_committed(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    // Says nothing where nothing is to be changed: behind a proxy the session is not ours alone.
    sqlx::query(
        "SELECT set_config('default_transaction_isolation', 'read committed', false)
         WHERE current_setting('default_transaction_isolation') <> 'read committed'",
    )
    .execute(conn)
    .await
    .map(drop)
}

fn pool(size: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE)
        // Trying every connection would double the round trips of a busy queue.
        .test_before_acquire(false)
        .before_acquire(|conn, meta| {
            Box::pin(async move {
                if meta.idle_for > STALE {
                    timeout(TRIAL, conn.ping()).await.map_err(std::io::Error::from)??;
                }
                Ok(true)
            })
        })
}
