//! What workers with nothing to do ask of their database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mcsv_core::Shutdown;
use mcsv_jobs::{JobCx, Jobs, Workers};
use tokio::time::sleep;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::BoxError;
use crate::job::Nothing;

const WHILE: Duration = Duration::from_secs(30);

/// Counts the statements that sqlx logs, which are all but SQLite's BEGIN and COMMIT.
#[derive(Clone, Default)]
struct Statements(Arc<AtomicU64>);

impl<S: tracing_subscriber::registry::LookupSpan<'static> + tracing_core::Subscriber> Layer<S>
    for Statements
{
    fn on_event(&self, event: &tracing_core::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

pub(crate) async fn measure() -> Result<(), BoxError> {
    let statements = Statements::default();
    tracing_subscriber::registry().with(statements.clone()).init();
    let folder = tempfile::tempdir()?;
    one("SQLite", &crate::sqlite::url(&folder), &statements).await?;
    let database = crate::postgres::database().await?;
    one("PostgreSQL", database.url(), &statements).await
}

async fn one(store: &str, url: &str, statements: &Statements) -> Result<(), BoxError> {
    let jobs = Jobs::connect(url).await?;
    let workers = Workers::new(jobs.clone())
        .queue("bench", 10)
        .handle(|_: Nothing, _: JobCx| async { Ok::<(), BoxError>(()) });
    let shutdown = Shutdown::new();
    let running = tokio::spawn(workers.run(shutdown.clone()));
    sleep(Duration::from_secs(2)).await;
    let (before, cpu) = (statements.0.load(Ordering::Relaxed), cpu_time()?);
    sleep(WHILE).await;
    let asked = statements.0.load(Ordering::Relaxed) - before;
    let used = cpu_time()? - cpu;
    shutdown.begin();
    running.await??;
    let seconds = WHILE.as_secs_f64();
    println!(
        "{store}: {:.2} statements/s, {:.2} % of a processor",
        asked as f64 / seconds,
        100.0 * used / seconds
    );
    Ok(())
}

/// The seconds of a processor that this process has used, in the kernel's ticks of 10 ms.
fn cpu_time() -> Result<f64, BoxError> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split(' ').collect();
    let ticks: f64 = fields[12].parse::<f64>()? + fields[13].parse::<f64>()?;
    Ok(ticks / 100.0)
}
