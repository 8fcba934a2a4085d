use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Row as _};

use super::super::PostgresStore;
use crate::store::log::{LogRow, page};
use crate::{Error, Event, EventCursor, EventPage, LoggedEvent};

/// The events after a cursor, up to the oldest transaction that still runs: all before it have ended,
/// so that nothing comes in between any more.
///
/// The limit stands before the join, and OFFSET keeps the join from becoming one with all jobs.
pub(in crate::store) const PAGE: &str = "
    SELECT log.tag, log.is_beyond, page.*, job.kind, job.queue
    FROM (SELECT tag, $1::TEXT::XID8 >= pg_snapshot_xmax(pg_current_snapshot()) AS is_beyond
        FROM mcsv_job_log) AS log
    LEFT JOIN (SELECT transaction_id, transaction_id::TEXT AS transaction, sequence, job_id, at,
            transition, state, attempt, worker, detail
        FROM mcsv_job_events
        WHERE (transaction_id, sequence) > ($1::TEXT::XID8, $2)
            AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY transaction_id, sequence LIMIT $3) AS page ON true
    LEFT JOIN LATERAL (SELECT kind, queue FROM mcsv_jobs WHERE id = page.job_id OFFSET 0) AS job
        ON true
    ORDER BY page.transaction_id, page.sequence";

/// Before all that a transaction may still write, and behind all that those before it wrote.
const END: &str =
    "SELECT tag, pg_snapshot_xmin(pg_current_snapshot())::TEXT AS transaction FROM mcsv_job_log";

/// Brings what was read to the disk, wherever its own transaction did not wait for that. A crash of the
/// server would take it back, and give its numbers to others: a cursor behind it would miss those.
const FLUSH: &str = "
    SELECT CASE WHEN current_setting('synchronous_commit') = 'off'
            THEN set_config('synchronous_commit', 'local', true) END,
        pg_logical_emit_message(true, 'mcsv-jobs', '')";

impl PostgresStore {
    pub(in crate::store) async fn events_after(
        &self,
        cursor: EventCursor,
        limit: u32,
    ) -> Result<EventPage, Error> {
        let rows = self.call(async |conn| read(conn, cursor, limit).await).await?;
        page(cursor, rows)
    }

    pub(in crate::store) async fn event_cursor(&self) -> Result<EventCursor, Error> {
        let end = sqlx::query(END);
        let ended = self.call(async |conn| {
            let row = end.fetch_one(&mut *conn).await?;
            sqlx::query(FLUSH).execute(conn).await?;
            Ok(EventCursor { log: tag(&row)?, transaction: transaction(&row)?, sequence: 0 })
        });
        ended.await
    }
}

async fn read(
    conn: &mut PgConnection,
    cursor: EventCursor,
    limit: u32,
) -> Result<Vec<LogRow>, sqlx::Error> {
    let rows: Vec<LogRow> = sqlx::query_as(PAGE)
        // There is no type for it in sqlx.
        .bind(cursor.transaction.to_string())
        .bind(cursor.sequence)
        .bind(i64::from(limit))
        .fetch_all(&mut *conn)
        .await?;
    if rows.iter().any(|row| row.logged.is_some()) {
        sqlx::query(FLUSH).execute(conn).await?;
    }
    Ok(rows)
}

impl FromRow<'_, PgRow> for LogRow {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let log = tag(row)?;
        let sequence: Option<i64> = row.try_get("sequence")?;
        let logged = sequence.map(|sequence| {
            Ok::<_, sqlx::Error>(LoggedEvent {
                event: Event::from_row(row)?,
                kind: row.try_get("kind")?,
                queue: row.try_get("queue")?,
                cursor: EventCursor { log, transaction: transaction(row)?, sequence },
            })
        });
        Ok(LogRow { log, is_beyond: row.try_get("is_beyond")?, logged: logged.transpose()? })
    }
}

fn tag(row: &PgRow) -> Result<u32, sqlx::Error> {
    super::number(row, "tag")
}

fn transaction(row: &PgRow) -> Result<u64, sqlx::Error> {
    let number: &str = row.try_get("transaction")?;
    number.parse().map_err(|error| super::row::broken("transaction", error))
}
