use sqlx::SqliteConnection;

use super::enqueue::json;
use super::script::{Argument, Script};

/// Writes the beginnings of those of these jobs that are not logged: their rows have all that has happened
/// to them. [`is_logged`] comes next.
macro_rules! log_before {
    ($($ids:expr),+) => {
        concat!(
            "INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt, worker)
             SELECT id, at, transition, state, attempt, worker FROM (
                SELECT id, 0 AS step, inserted_at AS at, 'enqueued' AS transition,
                    iif(scheduled_at > inserted_at, 'scheduled', 'available') AS state,
                    0 AS attempt, '' AS worker
                FROM mcsv_jobs WHERE NOT is_logged AND id IN (", $($ids),+, ")
                UNION ALL
                SELECT id, 1, attempted_at, 'started', 'executing', 1, attempted_by
                FROM mcsv_jobs WHERE NOT is_logged AND fence = 1 AND id IN (", $($ids),+, ")
             ) ORDER BY id, step"
        )
    };
}

/// Has these jobs be logged from now on.
macro_rules! is_logged {
    ($($ids:expr),+) => {
        concat!(
            "UPDATE mcsv_jobs SET is_logged = 1 WHERE NOT is_logged AND id IN (", $($ids),+, ")"
        )
    };
}

pub(super) use {is_logged, log_before};

const BEGIN_LOG: &str = concat!(
    log_before!("SELECT value FROM json_each(?1)"),
    ";",
    is_logged!("SELECT value FROM json_each(?1)")
);

/// Has those of these jobs that are not logged be so from now on.
pub(super) async fn begin_log(conn: &mut SqliteConnection, ids: &[i64]) -> Result<(), sqlx::Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut script = Script::default();
    script.add(BEGIN_LOG, [Argument::Json(json(ids)?)]);
    script.run(conn).await.map(drop)
}
