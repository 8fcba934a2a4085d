use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _};

use super::super::SqliteStore;
use crate::store::log::{LogRow, page};
use crate::{Error, Event, EventCursor, EventPage, LoggedEvent};

/// The last number that an event was given: those of a pruned log are gone from its table.
macro_rules! last {
    () => {
        "coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'mcsv_job_events'), 0)"
    };
}

/// There is one writer at a time, so that the order of the numbers is the order of the commits.
pub(in crate::store) const PAGE: &str = concat!(
    "SELECT log.tag, ?1 > 0 OR ?2 > ",
    last!(),
    " AS is_beyond, page.sequence, page.job_id, page.at, page.transition, page.state,
        page.attempt, page.worker, page.detail, job.kind, job.queue
     FROM mcsv_job_log AS log
     LEFT JOIN (SELECT * FROM mcsv_job_events WHERE sequence > ?2
        ORDER BY sequence LIMIT ?3) AS page ON true
     LEFT JOIN mcsv_jobs AS job ON job.id = page.job_id
     ORDER BY page.sequence"
);

impl SqliteStore {
    pub(in crate::store) async fn events_after(
        &self,
        cursor: EventCursor,
        limit: u32,
    ) -> Result<EventPage, Error> {
        self.check_file()?;
        let rows: Vec<LogRow> = sqlx::query_as(PAGE)
            .bind(cursor.transaction.cast_signed())
            .bind(cursor.sequence)
            .bind(limit)
            .fetch_all(&self.readers)
            .await?;
        let page = page(cursor, rows)?;
        if !page.events.is_empty() {
            self.outlast().await?;
        }
        Ok(page)
    }

    pub(in crate::store) async fn event_cursor(&self) -> Result<EventCursor, Error> {
        self.check_file()?;
        let end = sqlx::query_as(concat!("SELECT tag, ", last!(), " FROM mcsv_job_log"));
        let (log, sequence): (u32, i64) = end.fetch_one(&self.readers).await?;
        self.outlast().await?;
        Ok(EventCursor { log, transaction: 0, sequence })
    }

    /// Some commits are seen before they are on disk. A power cut would take them back, and their
    /// numbers be given to others: a cursor behind them would miss those.
    async fn outlast(&self) -> Result<(), Error> {
        self.sync().await
    }
}

impl FromRow<'_, SqliteRow> for LogRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let log = row.try_get("tag")?;
        let sequence: Option<i64> = row.try_get("sequence")?;
        let logged = sequence.map(|sequence| {
            Ok::<_, sqlx::Error>(LoggedEvent {
                event: Event::from_row(row)?,
                kind: row.try_get("kind")?,
                queue: row.try_get("queue")?,
                cursor: EventCursor { log, transaction: 0, sequence },
            })
        });
        Ok(LogRow { log, is_beyond: row.try_get("is_beyond")?, logged: logged.transpose()? })
    }
}
