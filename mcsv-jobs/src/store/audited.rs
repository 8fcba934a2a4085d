use std::collections::BTreeMap;

use crate::Event;
use crate::from_row::from_row;

/// The most rows that are read in one snapshot.
pub(crate) const AUDIT_STEP: i64 = 500;

/// Jobs of which there are events and no row, and whose last event is no end. The same for both
/// databases.
pub(crate) const VANISHED: &str = "
    SELECT job_id, state FROM mcsv_job_events AS last
    WHERE job_id > $1 AND state IN ('available', 'scheduled', 'executing', 'retryable')
        AND NOT EXISTS (SELECT 1 FROM mcsv_jobs WHERE id = last.job_id)
        AND NOT EXISTS (SELECT 1 FROM mcsv_job_events AS later
            WHERE later.job_id = last.job_id AND later.sequence > last.sequence)
    ORDER BY job_id LIMIT $2";

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
    pub(crate) is_logged: bool,
    /// As JSON.
    errors: String,
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
    pub(super) fn join(rows: Vec<Standing>, events: Vec<Event>) -> Vec<Self> {
        let mut by_job = by_job(events);
        let audited = rows.into_iter().map(|row| {
            let events = by_job.remove(&row.id).unwrap_or_default();
            Audited { row, events }
        });
        audited.collect()
    }
}

pub(super) fn by_job(events: Vec<Event>) -> BTreeMap<i64, Vec<Event>> {
    let mut by_job: BTreeMap<i64, Vec<Event>> = BTreeMap::new();
    for event in events {
        by_job.entry(event.job.get()).or_default().push(event);
    }
    by_job
}

from_row!(Standing {
    id: i64,
    state: String,
    attempt: i32,
    fence: i64,
    inserted_at: i64,
    attempted_at: Option<i64>,
    attempted_by: Option<String>,
    lease_owner: Option<String>,
    finished_at: Option<i64>,
    cancel: bool,
    is_logged: bool,
    errors: String
});
