//! What the event log and the spans take of the throughput.

use std::sync::atomic::{AtomicBool, Ordering};

use mcsv_jobs::Jobs;
use tracing_core::subscriber::Interest;
use tracing_core::{Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::case::{self, Case, Took};
use crate::job::{drain, fill};
use crate::{BoxError, JOBS};

const CONCURRENCY: usize = 500;

static SPANS: AtomicBool = AtomicBool::new(false);

/// Takes spans and events of level INFO and above while [`SPANS`] says so.
struct Switch;

impl<S: Subscriber> Layer<S> for Switch {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= tracing_core::Level::INFO && SPANS.load(Ordering::Relaxed)
    }
}

pub(crate) async fn measure() -> Result<(), BoxError> {
    tracing_subscriber::registry().with(Switch).init();
    let cases = [
        Case { name: "SQLite", run: |jobs| Box::pin(sqlite(jobs, &[])) },
        Case {
            name: "SQLite without the event log",
            run: |jobs| Box::pin(sqlite(jobs, NO_LOG_SQLITE)),
        },
        Case { name: "SQLite with spans", run: |jobs| Box::pin(with_spans(sqlite(jobs, &[]))) },
    ];
    case::measure("what the log costs", &cases, JOBS, &[]).await?;
    let cases = [
        Case { name: "PostgreSQL", run: |jobs| Box::pin(postgres(jobs, &[])) },
        Case {
            name: "PostgreSQL without the event log",
            run: |jobs| Box::pin(postgres(jobs, NO_LOG_PG)),
        },
        Case {
            name: "PostgreSQL with spans",
            run: |jobs| Box::pin(with_spans(postgres(jobs, &[]))),
        },
    ];
    case::measure("what the log costs", &cases, JOBS, &[]).await
}

async fn with_spans(turn: impl Future<Output = Result<Took, BoxError>>) -> Result<Took, BoxError> {
    SPANS.store(true, Ordering::Relaxed);
    let took = turn.await;
    SPANS.store(false, Ordering::Relaxed);
    took
}

/// A view in the log's place that forgets what it is given.
const NO_LOG_SQLITE: &[&str] = &[
    "ALTER TABLE mcsv_job_events RENAME TO kept_events",
    "CREATE VIEW mcsv_job_events AS SELECT * FROM kept_events",
    "CREATE TRIGGER forget INSTEAD OF INSERT ON mcsv_job_events BEGIN SELECT 1; END",
];
const NO_LOG_PG: &[&str] = &[
    "ALTER TABLE mcsv_job_events RENAME TO kept_events",
    "CREATE VIEW mcsv_job_events AS SELECT * FROM kept_events",
    "CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "CREATE TRIGGER forget INSTEAD OF INSERT ON mcsv_job_events
     FOR EACH ROW EXECUTE FUNCTION forget()",
];

async fn sqlite(count: u32, bend: &[&'static str]) -> Result<Took, BoxError> {
    let folder = tempfile::tempdir()?;
    let jobs = Jobs::connect(&crate::sqlite::url(&folder)).await?;
    fill(&jobs, count).await?;
    let mut tx = jobs.begin().await?;
    for statement in bend {
        sqlx::raw_sql(*statement).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    Ok(Took { jobs: count, time: drain(&jobs, count, CONCURRENCY).await? })
}

async fn postgres(count: u32, bend: &[&'static str]) -> Result<Took, BoxError> {
    let database = crate::postgres::database().await?;
    let jobs = Jobs::connect(database.url()).await?;
    fill(&jobs, count).await?;
    let mut tx = jobs.begin_pg().await?;
    for statement in bend {
        sqlx::raw_sql(*statement).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    crate::postgres::vacuum(database.url()).await?;
    Ok(Took { jobs: count, time: drain(&jobs, count, CONCURRENCY).await? })
}
