//! Who is a child of whom: every way to a job's attempt, as a child and as linked.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use mcsv_core::{Shutdown, SpanId, TraceBridge, TraceContext, TraceId};
use mcsv_jobs::testing::Database;
use mcsv_jobs::{BoxError, JobCx, JobId, Jobs, NewJob, Outcome, Relation, State, Workers};
use tokio::sync::mpsc;
use tracing::Span;

use crate::kit::{Done, LONG, Note, note, run};

const SNOOZE: Duration = Duration::from_millis(10);

/// The contexts that spans were linked to, by all tests of this program.
static LINKS: Mutex<BTreeSet<(TraceId, SpanId)>> = Mutex::new(BTreeSet::new());

struct Recorder;

impl TraceBridge for Recorder {
    fn current(&self) -> Option<TraceContext> {
        None
    }

    fn set_parent(&self, _: &Span, _: &TraceContext) {}

    fn add_link(&self, _: &Span, linked: &TraceContext) {
        links().insert((linked.trace_id(), linked.span_id()));
    }

    fn context_of(&self, _: &Span) -> Option<TraceContext> {
        None
    }
}

fn links() -> MutexGuard<'static, BTreeSet<(TraceId, SpanId)>> {
    LINKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a job comes to the attempt that is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Single,
    Bulk,
    Transaction,
    Retry,
    Snooze,
    Rescue,
    Requeue,
    Child,
    Chain,
    Batch,
}

impl Way {
    const ALL: [Way; 10] = [
        Way::Single,
        Way::Bulk,
        Way::Transaction,
        Way::Retry,
        Way::Snooze,
        Way::Rescue,
        Way::Requeue,
        Way::Child,
        Way::Chain,
        Way::Batch,
    ];

    /// How many attempts there are up to the one that is looked at.
    fn attempts(self) -> usize {
        match self {
            Way::Single | Way::Bulk | Way::Transaction | Way::Batch => 1,
            _ => 2,
        }
    }

    /// Whether the attempt is a child by default.
    fn is_child(self) -> bool {
        matches!(self, Way::Single | Way::Bulk | Way::Transaction | Way::Child | Way::Chain)
    }
}

#[tokio::test]
async fn every_way_to_an_attempt_keeps_its_trace_on_sqlite() -> Done {
    every_way(Database::sqlite()?.url()).await
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn every_way_to_an_attempt_keeps_its_trace_on_postgres() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    every_way(database.url()).await
}

async fn every_way(url: &str) -> Done {
    static BRIDGE: Once = Once::new();
    BRIDGE.call_once(|| mcsv_core::install_trace_bridge(Recorder).expect("the only bridge here"));
    for relation in [Relation::Child, Relation::Link, Relation::default()] {
        for way in Way::ALL {
            let child = match relation {
                Relation::Child => true,
                Relation::Link => false,
                _ => way.is_child(),
            };
            one_way(url, way, relation, child)
                .await
                .map_err(|error| format!("{way:?} as {relation:?}: {error}"))?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn each_tick_of_a_schedule_begins_a_trace_on_sqlite() -> Done {
    ticks(Database::sqlite()?.url()).await
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn each_tick_of_a_schedule_begins_a_trace_on_postgres() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    ticks(database.url()).await
}

async fn ticks(url: &str) -> Done {
    let jobs = Jobs::connect(url).await?;
    write(&jobs, "INSERT INTO mcsv_job_ticks VALUES ('note * * * * *', 1)").await?;
    let mut traces = BTreeSet::new();
    for _ in 0..2 {
        // As if nobody had been there at the latest tick.
        write(&jobs, "UPDATE mcsv_job_ticks SET last = 1").await?;
        let (told, mut runs) = mpsc::unbounded_channel();
        let workers = Workers::new(jobs.clone())
            .queue("notes", 1)
            .cron("* * * * *", |_| note("tick"))?
            .handle(move |_: Note, cx: JobCx| {
                let told = told.clone();
                async move { Done::Ok(told.send((cx.id(), cx.trace().trace_id()))?) }
            });
        let running = run(workers);
        let (id, trace) = runs.recv().await.ok_or("no run")?;
        running.end().await?;

        let record = jobs.get(id).await?.ok_or("no job")?;
        assert_eq!(record.trace_id, Some(trace), "its first attempt is in it");
        assert!(traces.insert(trace), "two ticks have one trace");
    }
    Ok(())
}

/// Where the attempts tell what they see, and how many there were.
#[derive(Clone)]
struct Seen {
    told: mpsc::UnboundedSender<(JobId, TraceContext)>,
    attempts: Arc<AtomicUsize>,
}

async fn one_way(url: &str, way: Way, relation: Relation, child: bool) -> Done {
    let jobs = Jobs::connect(url).await?;
    let caller = TraceContext::random_root();
    let (told, mut runs) = mpsc::unbounded_channel();
    let seen = Seen { told, attempts: Arc::default() };
    let first = Running::start(&jobs, way, relation, seen.clone());
    let id = caller.clone().scope(enqueue(&jobs, way)).await?;
    let mut last = runs.recv().await.ok_or("no run")?;
    let second = match way {
        Way::Rescue => {
            write(&jobs, "UPDATE mcsv_jobs SET lease_until = 0 WHERE state = 'executing'").await?;
            Some(Running::start(&Jobs::connect(url).await?, way, relation, seen))
        }
        Way::Requeue => {
            assert_eq!(jobs.wait(id, LONG).await?.state, State::Discarded);
            jobs.retry(id).await?;
            None
        }
        _ => None,
    };
    for _ in 1..way.attempts() {
        last = runs.recv().await.ok_or("no other run")?;
    }
    jobs.wait(last.0, LONG).await?;
    first.end().await?;
    if let Some(second) = second {
        second.end().await?;
    }

    let (id, trace) = last;
    let record = jobs.get(id).await?.ok_or("no job")?;
    // What the row has is the span that enqueued exactly this job.
    let enqueued = record.trace_id.ok_or("no trace in the row")?;
    let linked = links().iter().any(|(linked, _)| *linked == enqueued);
    assert!(linked, "{way:?} as {relation:?}: no link to its enqueue");
    assert_eq!(trace.trace_id() == enqueued, child, "{way:?} as {relation:?}");
    // A linked parent is a trace of its own, and so are its children.
    let handed_on = matches!(way, Way::Child | Way::Chain) && relation == Relation::Link;
    assert_eq!(enqueued == caller.trace_id(), !handed_on, "{way:?} as {relation:?}");
    Ok(())
}

struct Running {
    shutdown: Shutdown,
    task: tokio::task::JoinHandle<Result<(), mcsv_jobs::Error>>,
}

impl Running {
    fn start(jobs: &Jobs, way: Way, relation: Relation, seen: Seen) -> Self {
        let workers = Workers::new(jobs.clone())
            .queue("notes", 1)
            .with_relation(relation)
            .handle(move |job: Note, cx: JobCx| behave(job, cx, way, seen.clone()));
        let shutdown = Shutdown::new();
        let task = tokio::spawn(workers.run(shutdown.clone()));
        Running { shutdown, task }
    }

    async fn end(self) -> Done {
        self.shutdown.begin();
        Ok(self.task.await??)
    }
}

/// The first attempt goes the way, the one after it is done.
async fn behave(job: Note, cx: JobCx, way: Way, seen: Seen) -> Result<Outcome, BoxError> {
    let again = seen.attempts.fetch_add(1, Ordering::SeqCst) > 0;
    seen.told.send((cx.id(), cx.trace()))?;
    if job.text == "last" {
        return Ok(Outcome::done());
    }
    match way {
        Way::Child => Ok(Outcome::done().then(note("last"))),
        Way::Snooze if !again => Ok(Outcome::snooze(SNOOZE)),
        Way::Retry if !again => Err("as told".into()),
        Way::Rescue if !again => {
            cx.lease_lost().await;
            Ok(Outcome::done())
        }
        Way::Requeue => Ok(Outcome::discard("as told")),
        _ => Ok(Outcome::done()),
    }
}

async fn enqueue(jobs: &Jobs, way: Way) -> Result<JobId, BoxError> {
    Ok(match way {
        Way::Single => jobs.enqueue(note("last")).await?.id(),
        Way::Bulk => jobs.enqueue_all([note("last")]).await?[0].id(),
        Way::Transaction => in_transaction(jobs).await?,
        Way::Chain => jobs.enqueue(NewJob::new(note("first")).then(note("last"))).await?.id(),
        Way::Batch => jobs.batch([note("last")]).await?.jobs[0].id(),
        _ => jobs.enqueue(note("first")).await?.id(),
    })
}

async fn in_transaction(jobs: &Jobs) -> Result<JobId, BoxError> {
    #[cfg(feature = "postgres")]
    if let Ok(mut tx) = jobs.begin_pg().await {
        let id = jobs.enqueue(note("last")).on_pg(&mut tx).await?.id();
        tx.commit().await?;
        return Ok(id);
    }
    let mut tx = jobs.begin().await?;
    let id = jobs.enqueue(note("last")).on(&mut tx).await?.id();
    tx.commit().await?;
    Ok(id)
}

async fn write(jobs: &Jobs, statement: &'static str) -> Done {
    #[cfg(feature = "postgres")]
    if let Ok(mut tx) = jobs.begin_pg().await {
        sqlx::query(statement).execute(&mut *tx).await?;
        return Ok(tx.commit().await?);
    }
    let mut tx = jobs.begin().await?;
    sqlx::query(statement).execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}
