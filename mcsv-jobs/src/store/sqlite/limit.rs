use std::collections::BTreeMap;
use std::pin::Pin;

use sqlx::SqliteConnection;

use super::claim::take;
use super::{SqliteStore, Write, now};
use crate::limits::{Candidate, LimitColumns, QueueLimits};
use crate::store::{LIMITED_WINDOW, SetLimits, Turn, TurnReply};
use crate::{Error, Limits};

impl Write for SetLimits {
    type Reply = ();

    fn apply<'a>(
        &'a self,
        conn: &'a mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = Result<(), sqlx::Error>> + Send + 'a>> {
        Box::pin(async move {
            if self.limits.is_none() {
                sqlx::query("DELETE FROM mcsv_job_limits WHERE queue = ?1")
                    .bind(&self.queue)
                    .execute(conn)
                    .await?;
                return Ok(());
            }
            let columns = self.limits.to_columns();
            sqlx::query("INSERT OR REPLACE INTO mcsv_job_limits VALUES (?1, ?2, ?3, ?4, ?5)")
                .bind(&self.queue)
                .bind(columns.running)
                .bind(columns.per_partition)
                .bind(columns.starts)
                .bind(columns.period)
                .execute(conn)
                .await?;
            Ok(())
        })
    }
}

impl SqliteStore {
    pub(in crate::store) async fn limits(&self) -> Result<BTreeMap<String, Limits>, Error> {
        let rows: Vec<QueueLimits> =
            sqlx::query_as("SELECT * FROM mcsv_job_limits").fetch_all(&self.readers).await?;
        let limits = rows.into_iter().map(|row| (row.queue, Limits::from(row.limits)));
        Ok(limits.collect())
    }
}

/// The limits of a queue; none if it has none.
pub(super) async fn of(
    conn: &mut SqliteConnection,
    queue: &str,
) -> Result<Option<Limits>, sqlx::Error> {
    let columns: Option<LimitColumns> = sqlx::query_as(
        "SELECT running, per_partition, starts, period FROM mcsv_job_limits WHERE queue = ?1",
    )
    .bind(queue)
    .fetch_optional(conn)
    .await?;
    Ok(columns.map(Limits::from))
}

/// Claims what the limits let through, and tells when to look again.
///
/// Nobody else writes meanwhile, so what is counted here still holds at the commit.
pub(super) async fn claim(
    conn: &mut SqliteConnection,
    turn: &Turn,
    limits: &Limits,
    reply: &mut TurnReply,
) -> Result<(), sqlx::Error> {
    reply.limited = true;
    reply.next_due = next_due(conn, &turn.queue).await?;
    let period = limits.rate().map(|(_, per)| crate::new_job::millis(per));
    let (started, _) = starts(conn, &turn.queue, period).await?;
    let room = limits.room(turn.room, running(conn, &turn.queue).await?, started);
    if room > 0 {
        let candidates = candidates(conn, turn, limits).await?;
        let more = candidates.len() >= LIMITED_WINDOW;
        let ids = limits.pick(room, candidates);
        reply.claimed = take(conn, &ids, &turn.owner, turn.lease).await?;
        // Behind those of partitions that are full by now there may be others.
        reply.look_within((more && ids.len() < room).then_some(0));
        if period.is_some() {
            count_starts(conn, &turn.queue, reply.claimed.len()).await?;
        }
    }
    let (started, until_free) = starts(conn, &turn.queue, period).await?;
    if limits.room(1, 0, started) == 0 {
        reply.look_within(until_free);
    }
    Ok(())
}

async fn count_starts(
    conn: &mut SqliteConnection,
    queue: &str,
    claimed: usize,
) -> Result<(), sqlx::Error> {
    if claimed == 0 {
        return Ok(());
    }
    sqlx::query(concat!("INSERT INTO mcsv_job_starts VALUES (?1, ", now!(), ", ?2)"))
        .bind(queue)
        .bind(i64::try_from(claimed).unwrap_or(i64::MAX))
        .execute(conn)
        .await?;
    Ok(())
}

async fn running(conn: &mut SqliteConnection, queue: &str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT count(*) FROM mcsv_jobs WHERE queue = ?1 AND state = 'executing'")
        .bind(queue)
        .fetch_one(conn)
        .await
}

/// How many were started within the period, and in how many milliseconds the first of them is no
/// longer within.
async fn starts(
    conn: &mut SqliteConnection,
    queue: &str,
    period: Option<i64>,
) -> Result<(i64, Option<i64>), sqlx::Error> {
    let Some(period) = period else { return Ok((0, None)) };
    sqlx::query(concat!(
        "DELETE FROM mcsv_job_starts WHERE queue = ?1 AND at <= ",
        now!(),
        " - ?2"
    ))
    .bind(queue)
    .bind(period)
    .execute(&mut *conn)
    .await?;
    sqlx::query_as(concat!(
        "SELECT coalesce(sum(started), 0), min(at) + ?2 - ",
        now!(),
        " FROM mcsv_job_starts WHERE queue = ?1"
    ))
    .bind(queue)
    .bind(period)
    .fetch_one(conn)
    .await
}

/// Those that could start, in their order; the jobs of full partitions are not read at all.
async fn candidates(
    conn: &mut SqliteConnection,
    turn: &Turn,
    limits: &Limits,
) -> Result<Vec<Candidate>, sqlx::Error> {
    sqlx::query_as(concat!(
        "WITH running AS MATERIALIZED (
            SELECT partition_key, count(*) AS jobs FROM mcsv_jobs
            WHERE queue = ?1 AND state = 'executing' AND partition_key IS NOT NULL
            GROUP BY partition_key
         ), waiting AS (
            SELECT * FROM (
                SELECT id, partition_key, priority, scheduled_at FROM mcsv_jobs
                WHERE queue = ?1 AND state = 'available'
                    AND NOT EXISTS (SELECT 1 FROM running
                        WHERE running.partition_key = mcsv_jobs.partition_key AND jobs >= ?2)
                ORDER BY priority DESC, scheduled_at, id LIMIT ?3)
            UNION ALL
            SELECT * FROM (
                SELECT id, partition_key, priority, scheduled_at FROM mcsv_jobs
                WHERE queue = ?1 AND state IN ('scheduled', 'retryable') AND scheduled_at <= ",
        now!(),
        "           AND NOT EXISTS (SELECT 1 FROM running
                        WHERE running.partition_key = mcsv_jobs.partition_key AND jobs >= ?2)
                ORDER BY scheduled_at LIMIT ?3)
         )
         SELECT id, partition_key, coalesce(
            (SELECT jobs FROM running WHERE running.partition_key = waiting.partition_key), 0)
            AS running
         FROM waiting WHERE NOT EXISTS (SELECT 1 FROM mcsv_job_pauses WHERE queue = ?1)
         ORDER BY priority DESC, scheduled_at, id LIMIT ?3"
    ))
    .bind(&turn.queue)
    .bind(limits.running_per_partition().map_or(i64::MAX, i64::from))
    .bind(i64::try_from(LIMITED_WINDOW.max(turn.room)).unwrap_or(i64::MAX))
    .fetch_all(conn)
    .await
}

/// Milliseconds until a job falls due; what is due already waits for a place and not for a time.
async fn next_due(conn: &mut SqliteConnection, queue: &str) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(concat!(
        "SELECT min(scheduled_at) - ",
        now!(),
        " FROM mcsv_jobs WHERE queue = ?1 AND state IN ('scheduled', 'retryable')
            AND scheduled_at > ",
        now!(),
    ))
    .bind(queue)
    .fetch_one(conn)
    .await
}
