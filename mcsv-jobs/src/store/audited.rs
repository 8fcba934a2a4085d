use std::collections::BTreeMap;

use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use crate::Event;

/// The most rows that are read in one snapshot.
pub(crate) const AUDIT_STEP: i64 = 500;

/// A row beside its events, both of one snapshot.
pub(crate) struct Audited {
    pub(crate) row: Standing,
    pub(crate) events: Vec<Event>,
}

/// The columns of a job that its events account for.
pub(crate) struct Standing {
    pub(crate) id: i64,
    pub(crate) state: String,
    pub(crate) attempt: i32,
    pub(crate) fence: i64,
    pub(crate) inserted_at: i64,
    pub(crate) attempted_at: Option<i64>,
    pub(crate) attempted_by: Option<String>,
    pub(crate) lease_owner: Option<String>,
    pub(crate) finished_at: Option<i64>,
    pub(crate) cancel: bool,
    /// As JSON.
    errors: String,
}

/// An event with the job that it is of.
pub(super) struct Logged {
    job_id: i64,
    event: Event,
}

impl Standing {
    /// The messages of the errors; what is no list of errors has none.
    pub(crate) fn errors(&self) -> Vec<String> {
        let errors: Vec<serde_json::Value> = serde_json::from_str(&self.errors).unwrap_or_default();
        let message = |error: &serde_json::Value| error["error"].as_str().map(str::to_owned);
        errors.iter().filter_map(message).collect()
    }
}

impl Audited {
    /// `events` may hold those of pruned jobs, which belong to no row.
    pub(super) fn join(rows: Vec<Standing>, events: Vec<Logged>) -> Vec<Self> {
        let mut by_job: BTreeMap<i64, Vec<Event>> = BTreeMap::new();
        for Logged { job_id, event } in events {
            by_job.entry(job_id).or_default().push(event);
        }
        let audited = rows.into_iter().map(|row| {
            let events = by_job.remove(&row.id).unwrap_or_default();
            Audited { row, events }
        });
        audited.collect()
    }
}

impl<'r, R: Row> FromRow<'r, R> for Standing
where
    &'r str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    i32: Decode<'r, R::Database> + Type<R::Database>,
    Option<i64>: Decode<'r, R::Database> + Type<R::Database>,
    Option<String>: Decode<'r, R::Database> + Type<R::Database>,
    bool: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        Ok(Standing {
            id: row.try_get("id")?,
            state: row.try_get("state")?,
            attempt: row.try_get("attempt")?,
            fence: row.try_get("fence")?,
            inserted_at: row.try_get("inserted_at")?,
            attempted_at: row.try_get("attempted_at")?,
            attempted_by: row.try_get("attempted_by")?,
            lease_owner: row.try_get("lease_owner")?,
            finished_at: row.try_get("finished_at")?,
            cancel: row.try_get("cancel")?,
            errors: row.try_get("errors")?,
        })
    }
}

impl<'r, R: Row> FromRow<'r, R> for Logged
where
    &'r str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    Event: FromRow<'r, R>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        Ok(Logged { job_id: row.try_get("job_id")?, event: Event::from_row(row)? })
    }
}
