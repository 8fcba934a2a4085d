//! Kills workers at random while they empty a queue, then checks every job and its log.
//!
//! `cargo run -p mcsv-jobs --example crash -- --kills 20 --store sqlite`, or `--store postgres`,
//! which needs PostgreSQL's binaries below `/usr/lib/postgresql`.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mcsv_core::Shutdown;
use mcsv_jobs::testing::{Database, PostgresServer};
use mcsv_jobs::{BoxError, Filter, Job, JobCx, JobRecord, Jobs, Json, State, Transition, Workers};
use serde::{Deserialize, Serialize};
use tokio::process::{Child, Command};

const WORKERS: usize = 2;
const CONCURRENCY: usize = 8;
const JOBS_PER_KILL: u32 = 200;
const LONG: Duration = Duration::from_secs(120);

#[derive(Serialize, Deserialize)]
struct Step {
    number: u32,
}

impl Job for Step {
    const KIND: &'static str = "step";
    const QUEUE: &'static str = "steps";
    type Codec = Json;
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [role, url, effects] = &arguments[..]
        && role == "work"
    {
        return work(url, PathBuf::from(effects)).await;
    }
    let kills: usize = value(&arguments, "--kills").unwrap_or("20").parse()?;
    let seed = value(&arguments, "--seed").map_or_else(|| Ok(fastrand::u64(..)), str::parse)?;
    fastrand::seed(seed);
    let folder = tempfile::tempdir()?;
    let (database, _server) = match value(&arguments, "--store").unwrap_or("sqlite") {
        "sqlite" => (Database::sqlite()?, None),
        "postgres" => {
            let server = PostgresServer::start()?.ok_or("no PostgreSQL is installed here")?;
            (server.database().await?, Some(server))
        }
        other => return Err(format!("--store {other}: give sqlite or postgres").into()),
    };
    println!("{kills} kills, seed {seed}");
    let effects = folder.path().join("effects");
    let jobs = Jobs::connect(database.url()).await?;
    let count = JOBS_PER_KILL * u32::try_from(kills.max(1))?;
    for first in (0..count).step_by(500) {
        jobs.enqueue_all((first..count.min(first + 500)).map(|number| Step { number })).await?;
    }
    torment(&jobs, database.url(), &effects, kills).await?;
    let report = check(&jobs, &effects, count, kills).await?;
    println!("{report}");
    Ok(())
}

fn value<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1).map(String::as_str)
}

/// Kills workers, and goes on with new ones until the queue is empty.
async fn torment(jobs: &Jobs, url: &str, effects: &Path, kills: usize) -> Result<(), BoxError> {
    let mut workers = Vec::new();
    for _ in 0..WORKERS {
        workers.push(start(url, effects)?);
    }
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(50..400))).await;
        let victim = fastrand::usize(..workers.len());
        workers[victim].kill().await?;
        workers[victim] = start(url, effects)?;
    }
    let emptied = async {
        while jobs.queue_stats(Step::QUEUE).await?.unfinished() > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok::<_, BoxError>(())
    };
    tokio::time::timeout(LONG, emptied).await.map_err(|_| "jobs are left: some were lost")??;
    for mut worker in workers {
        worker.kill().await?;
    }
    Ok(())
}

fn start(url: &str, effects: &Path) -> Result<Child, BoxError> {
    let program = std::env::current_exe()?;
    Ok(Command::new(program).arg("work").arg(url).arg(effects).kill_on_drop(true).spawn()?)
}

async fn work(url: &str, effects: PathBuf) -> Result<(), BoxError> {
    let workers = Workers::new(Jobs::connect(url).await?).queue(Step::QUEUE, CONCURRENCY);
    let workers =
        workers.with_lease(Duration::from_secs(10)).handle(move |step: Step, _: JobCx| {
            let effects = effects.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(fastrand::u64(0..20))).await;
                let mut file = OpenOptions::new().create(true).append(true).open(effects)?;
                // One write: lines of several workers must not mix.
                file.write_all(format!("{}\n", step.number).as_bytes())?;
                Ok::<_, BoxError>(())
            }
        });
    Ok(workers.run(Shutdown::new()).await?)
}

/// What a queue owes: each job once in the log, its effect at least once, repeated only where a kill
/// fell between the effect and its outcome.
async fn check(jobs: &Jobs, effects: &Path, count: u32, kills: usize) -> Result<String, BoxError> {
    let mut done = BTreeMap::new();
    for line in std::fs::read_to_string(effects)?.lines() {
        *done.entry(line.parse::<u32>()?).or_insert(0_usize) += 1;
    }
    let mut records: Vec<JobRecord> = Vec::new();
    let mut filter = Filter::new().with_limit(Filter::MOST);
    loop {
        let page = jobs.list(filter.clone()).await?;
        records.extend(page.jobs);
        let Some(next) = page.next else { break };
        filter = filter.with_page(next);
    }
    let mut rescued = 0;
    for record in &records {
        rescued += check_log(jobs, record).await?;
    }
    let effects: usize = done.values().sum();
    let (lost, repeated) = (count as usize - done.len(), effects - done.len());
    let most = kills * CONCURRENCY;
    if records.len() != count as usize || lost > 0 || repeated > most {
        let found = records.len();
        return Err(format!("of {count} jobs: {found} rows, {lost} lost, {repeated} again").into());
    }
    Ok(format!("{count} jobs: 0 lost, {rescued} rescued, {repeated} effects again (most {most})"))
}

/// How often the job was rescued.
async fn check_log(jobs: &Jobs, record: &JobRecord) -> Result<usize, BoxError> {
    let events = jobs.events(record.id).await?;
    let count = |wanted| events.iter().filter(|event| event.transition == wanted).count();
    let legal = count(Transition::Enqueued) == 1
        && count(Transition::Completed) == 1
        && count(Transition::Started) == 1 + count(Transition::Rescued)
        && record.state == State::Completed
        && events.last().is_some_and(|last| Some(last.at) == record.finished_at);
    if !legal {
        return Err(format!("job {} is {}, its log: {events:?}", record.id, record.state).into());
    }
    Ok(count(Transition::Rescued))
}
