//! What runs in the processes that are killed.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mcsv_core::Shutdown;
use mcsv_jobs::{BoxError, Job, JobCx, Jobs, Json, NewJob, Outcome, Policy, Retention, Workers};
use serde::{Deserialize, Serialize};

pub(crate) const CONCURRENCY: usize = 8;
pub(crate) const LEASE: Duration = Duration::from_secs(3);

/// One numbered piece of work, with an order in the caller's own table if its number is even.
#[derive(Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) number: i64,
}

impl Job for Step {
    const KIND: &'static str = "step";
    const QUEUE: &'static str = "steps";
    type Codec = Json;
}

/// The same, of which nothing is kept.
#[derive(Serialize, Deserialize)]
pub(crate) struct Fleeting {
    number: i64,
}

impl Job for Fleeting {
    const KIND: &'static str = "fleeting";
    const QUEUE: &'static str = Step::QUEUE;
    type Codec = Json;

    fn policy() -> Policy {
        Policy::default().with_retention(Retention::ForgetCompleted)
    }
}

/// Whether the job of a number leaves nothing: one in three.
pub(crate) fn is_fleeting(number: i64) -> bool {
    number % 3 == 0
}

fn job(number: i64) -> NewJob {
    if is_fleeting(number) { Fleeting { number }.into() } else { Step { number }.into() }
}

/// Each line is one write, so that lines of several processes do not mix.
pub(crate) fn journal(folder: &Path, name: &str) -> Result<File, BoxError> {
    Ok(OpenOptions::new().create(true).append(true).open(folder.join(name))?)
}

pub(crate) fn write(journal: &mut File, line: impl std::fmt::Display) -> Result<(), BoxError> {
    Ok(journal.write_all(format!("{line}\n").as_bytes())?)
}

/// Works until it is killed; each effect is a line with the number of its step.
pub(crate) async fn work(url: &str, folder: &Path) -> Result<(), BoxError> {
    let workers =
        Workers::new(Jobs::connect(url).await?).queue(Step::QUEUE, CONCURRENCY).with_lease(LEASE);
    let folder = folder.to_owned();
    let fleeting = folder.clone();
    let workers = workers
        .handle(move |step: Step, cx: JobCx| effect(folder.clone(), step.number, cx))
        .handle(move |step: Fleeting, cx: JobCx| effect(fleeting.clone(), step.number, cx));
    Ok(workers.run(Shutdown::new()).await?)
}

async fn effect(folder: PathBuf, number: i64, cx: JobCx) -> Result<Outcome, BoxError> {
    // The work itself: long enough for faults to fall into it.
    tokio::time::sleep(Duration::from_millis(fastrand::u64(0..30))).await;
    write(&mut journal(&folder, "effects")?, number)?;
    // Tells whose outcome the row has.
    Ok(Outcome::done().with_result(cx.attempt()))
}

/// Enqueues until it is killed; journals every number before it is asked for and after the answer.
pub(crate) async fn produce(url: &str, folder: &Path, first: i64) -> Result<(), BoxError> {
    let jobs = Jobs::connect(url).await?;
    let (mut asked, mut answered) = (journal(folder, "asked")?, journal(folder, "answered")?);
    for number in first.. {
        write(&mut asked, number)?;
        if number % 2 == 0 {
            order(&jobs, number).await?;
        } else {
            jobs.enqueue(job(number)).await?;
        }
        write(&mut answered, number)?;
        // The workers are to keep up.
        tokio::time::sleep(Duration::from_millis(4)).await;
    }
    Ok(())
}

/// A job and a row of the caller's own in one transaction.
async fn order(jobs: &Jobs, number: i64) -> Result<(), BoxError> {
    let step = jobs.enqueue(job(number));
    let insert = sqlx::AssertSqlSafe(format!("INSERT INTO crash_orders VALUES ({number})"));
    if is_postgres(jobs) {
        let mut tx = jobs.begin_pg().await?;
        sqlx::raw_sql(insert).execute(&mut *tx).await?;
        step.on_pg(&mut tx).await?;
        tx.commit().await?;
    } else {
        let mut tx = jobs.begin().await?;
        sqlx::raw_sql(insert).execute(&mut *tx).await?;
        step.on(&mut tx).await?;
        tx.commit().await?;
    }
    Ok(())
}

fn is_postgres(jobs: &Jobs) -> bool {
    format!("{jobs:?}").contains("PostgreSQL")
}

pub(crate) async fn create_orders(jobs: &Jobs) -> Result<(), BoxError> {
    let create = "CREATE TABLE crash_orders (number BIGINT PRIMARY KEY)";
    if is_postgres(jobs) {
        let mut tx = jobs.begin_pg().await?;
        sqlx::raw_sql(create).execute(&mut *tx).await?;
        tx.commit().await?;
    } else {
        let mut tx = jobs.begin().await?;
        sqlx::raw_sql(create).execute(&mut *tx).await?;
        tx.commit().await?;
    }
    Ok(())
}

pub(crate) async fn orders(jobs: &Jobs) -> Result<Vec<i64>, BoxError> {
    let select = "SELECT number FROM crash_orders";
    if is_postgres(jobs) {
        return Ok(sqlx::query_scalar(select).fetch_all(&mut *jobs.begin_pg().await?).await?);
    }
    Ok(sqlx::query_scalar(select).fetch_all(&mut *jobs.begin().await?).await?)
}
