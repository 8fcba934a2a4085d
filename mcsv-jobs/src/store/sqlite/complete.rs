use sqlx::SqliteConnection;

use super::enqueue::json;
use super::now;
use crate::Retention;
use crate::store::{Ack, Completions, completions};

/// Only what still runs under its fence gets an event. The row ends when its event says.
macro_rules! complete {
    ($end:literal) => {
        concat!(
            "INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt, worker)
             SELECT id, ",
            now!(),
            ", 'completed', 'completed', attempt, attempted_by FROM mcsv_jobs
             WHERE id IN (SELECT value FROM json_each(?1)) AND fence = ?2 AND +state = 'executing';
             ",
            $end,
            " WHERE id IN (SELECT value FROM json_each(?1)) AND fence = ?2 AND +state = 'executing'"
        )
    };
}

const KEEP: &str = complete!(
    "UPDATE mcsv_jobs SET state = 'completed', lease_owner = NULL, lease_until = NULL, cancel = 0,
        finished_at = (SELECT at FROM mcsv_job_events ORDER BY sequence DESC LIMIT 1)"
);
const DELETE: &str = complete!("DELETE FROM mcsv_jobs");

/// Writes plain completions, which most ends are, and answers with those whose fence held.
///
/// They need nothing of an ack but its job and its fence, so no row travels and no object is parsed
/// per job: that is a third of what an end costs otherwise.
pub(super) async fn complete(
    conn: &mut SqliteConnection,
    acks: &[&Ack],
) -> Result<Vec<i64>, sqlx::Error> {
    let mut accepted = Vec::with_capacity(acks.len());
    for group in completions(acks) {
        accepted.extend(complete_group(conn, group).await?);
    }
    Ok(accepted)
}

async fn complete_group(
    conn: &mut SqliteConnection,
    Completions { fence, retention, ids }: Completions,
) -> Result<Vec<i64>, sqlx::Error> {
    let statements = match retention {
        Retention::Keep => KEEP,
        Retention::DeleteCompleted => DELETE,
    };
    let written = sqlx::query(statements).bind(json(&ids)?).bind(fence).execute(&mut *conn).await?;
    // An event and a row of each.
    let accepted = written.rows_affected() / 2;
    if accepted == ids.len() as u64 { Ok(ids) } else { newest(conn, accepted).await }
}

/// The jobs of the newest events.
async fn newest(conn: &mut SqliteConnection, count: u64) -> Result<Vec<i64>, sqlx::Error> {
    sqlx::query_scalar("SELECT job_id FROM mcsv_job_events ORDER BY sequence DESC LIMIT ?1")
        .bind(i64::try_from(count).unwrap_or(i64::MAX))
        .fetch_all(conn)
        .await
}
