use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use apalis_core::error::WorkerError;
use apalis_core::worker::builder::WorkerBuilder;
use apalis_core::worker::context::WorkerContext;
use futures_util::future::join_all;
use mcsv_core::Shutdown;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::Instrument;

use crate::backend::{LEASE, Phase};
use crate::cron::Schedule;
use crate::registry::Registry;
use crate::{
    Cron, Delivery, Error, ErrorKind, Failure, Handler, Job, JobCx, Jobs, NewJob, Relation, Tick,
};

const DRAIN: Duration = Duration::from_secs(30);

/// The workers of one process: queues with their concurrency, handlers by kind, and schedules.
///
/// Each queue is an apalis worker on a [`QueueBackend`](crate::QueueBackend); this type adds the
/// typed handlers, the policies and one orderly end for all of them.
///
/// ```
/// # use mcsv_core::Shutdown;
/// # use mcsv_jobs::{BoxError, Error, Failure, Job, JobCx, Jobs, Json, NewJob, Outcome, Tick, Workers};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize)] struct Mail { to: String }
/// # impl Job for Mail { const KIND: &'static str = "mail"; const QUEUE: &'static str = "mails"; type Codec = Json; }
/// # #[derive(Serialize, Deserialize)] struct Report { text: String }
/// # impl Job for Report { const KIND: &'static str = "report"; const QUEUE: &'static str = "reports"; type Codec = Json; }
/// # async fn send(mail: &Mail) -> Result<(), BoxError> { Ok(()) }
/// # async fn example(jobs: Jobs, shutdown: Shutdown) -> Result<(), Error> {
/// Workers::new(jobs)
///     .queue("mails", 10)
///     .queue("reports", 1)
///     .handle(|mail: Mail, _: JobCx| async move {
///         send(&mail).await?;
///         let text = format!("mailed {}", mail.to);
///         Ok::<_, BoxError>(Outcome::done().then(Report { text }))
///     })
///     .handle(|report: Report, _: JobCx| async move {
///         println!("{}", report.text);
///         Ok::<_, BoxError>(())
///     })
///     .on_discard(|mail: &Mail, failure: &Failure| {
///         let text = format!("{} got no mail: {}", mail.to, failure.error);
///         vec![NewJob::new(Report { text })]
///     })
///     .cron("0 6 * * mon-fri", |_: Tick| Report { text: "good morning".into() })?
///     .run(shutdown)
///     .await
/// # }
/// ```
#[must_use = "workers do nothing until they run"]
pub struct Workers {
    jobs: Jobs,
    queues: BTreeMap<String, usize>,
    registry: Registry,
    schedules: Vec<Schedule>,
    lease: Duration,
    drain: Duration,
}

impl Workers {
    /// No queue and no handler yet.
    pub fn new(jobs: Jobs) -> Self {
        let registry = Registry::new(jobs.keyring.clone());
        Workers {
            jobs,
            queues: BTreeMap::new(),
            registry,
            schedules: Vec::new(),
            lease: LEASE,
            drain: DRAIN,
        }
    }

    /// Works on the queue `name`, on up to `concurrency` jobs at a time.
    pub fn queue(mut self, name: impl Into<String>, concurrency: usize) -> Self {
        self.queues.insert(name.into(), concurrency);
        self
    }

    /// Runs `handler` for the jobs of kind `J`, in whatever queue they come.
    ///
    /// A job of a kind without a handler is put off, first for 10 s and then for as long as it has waited,
    /// up to an hour. It keeps its attempts for a worker that has one.
    pub fn handle<J: Job, H: Handler<J>>(mut self, handler: H) -> Self {
        self.registry.handle(handler);
        self
    }

    /// Enqueues what `decide` answers when a job of kind `J` becomes a dead letter, in the
    /// transaction that makes it one.
    ///
    /// `decide` is not asked about a job whose arguments can't be decoded.
    pub fn on_discard<J: Job>(
        mut self,
        decide: impl Fn(&J, &Failure) -> Vec<NewJob> + Send + Sync + 'static,
    ) -> Self {
        self.registry.on_discard(decide);
        self
    }

    /// Enqueues a job at every tick of `when`: a cron expression in UTC, or a [`Cron`] with a time
    /// zone and a policy for missed ticks.
    ///
    /// A tick is enqueued once, however many processes have the schedule, and in their order. Of the
    /// ticks that were missed while no process ran, only the latest is made up, unless the
    /// [`CatchUp`](crate::CatchUp) says something else. The schedule is known by the job's kind, the
    /// expression and the zone: changing one of them makes it a new one.
    ///
    /// ```
    /// # use mcsv_jobs::{CatchUp, Cron, Error, Job, Jobs, Json, Tick, Workers};
    /// # use serde::{Deserialize, Serialize};
    /// # use std::time::Duration;
    /// # #[derive(Serialize, Deserialize)] struct Sweep;
    /// # impl Job for Sweep { const KIND: &'static str = "sweep"; const QUEUE: &'static str = "q"; type Codec = Json; }
    /// # #[derive(Serialize, Deserialize)] struct Report { at: std::time::SystemTime }
    /// # impl Job for Report { const KIND: &'static str = "report"; const QUEUE: &'static str = "q"; type Codec = Json; }
    /// # fn example(jobs: Jobs) -> Result<Workers, Error> {
    /// let mornings = Cron::new("0 6 * * mon-fri")?
    ///     .in_zone("Europe/Berlin")?
    ///     .with_catch_up(CatchUp::Each(Duration::from_secs(7 * 86_400)));
    ///
    /// Workers::new(jobs)
    ///     .queue("q", 4)
    ///     .cron("*/15 * * * *", |_: Tick| Sweep)?
    ///     .cron(mornings, |tick: Tick| Report { at: tick.at })
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `when` is text and no [`CronExpr`](crate::CronExpr).
    pub fn cron<J: Job>(
        mut self,
        when: impl TryInto<Cron, Error: Into<Error>>,
        make: impl Fn(Tick) -> J + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let cron = when.try_into().map_err(Into::into)?;
        self.schedules.push(Schedule::new(J::KIND, cron, move |tick| NewJob::new(make(tick))));
        Ok(self)
    }

    /// Gives a job to somebody else when this process gives no sign of life for `lease`, from 1 s
    /// to an hour; 30 s by default.
    ///
    /// Where the process is known to be dead, its jobs are rescued at once.
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Lets running handlers go on for `drain` once the shutdown has begun; 30 s by default.
    pub fn with_drain(mut self, drain: Duration) -> Self {
        self.drain = drain;
        self
    }

    /// Puts the spans of the attempts into this relation with the spans that enqueued their jobs;
    /// by default a first attempt within five minutes is a child.
    pub fn with_relation(mut self, relation: Relation) -> Self {
        self.registry.relation = relation;
        self
    }

    /// The names of the queues and what is registered, for who works without a driver.
    #[cfg(feature = "testing")]
    pub(crate) fn into_parts(self) -> (Vec<String>, Registry) {
        (self.queues.into_keys().collect(), self.registry)
    }

    /// Works until `shutdown` begins, then drains and returns.
    ///
    /// From then on nothing is claimed. Handlers that run may end within the drain time; the others
    /// are dropped, and their jobs go back without having used up an attempt.
    ///
    /// # Errors
    ///
    /// A queue has no name, there is no queue at all, or a worker ended without being told to.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the handlers and gives their jobs back in the background.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), Error> {
        if self.queues.is_empty() {
            return Err(Error::invalid("workers without a queue: add one with queue()"));
        }
        let registry = Arc::new(self.registry);
        let mut started = Vec::new();
        for (queue, concurrency) in &self.queues {
            started.push(Started::new(&self.jobs, queue, *concurrency, self.lease, &registry)?);
        }
        let mut running = JoinSet::new();
        let mut ends = Vec::new();
        for Started { worker, end } in started {
            // What a job logs belongs to whoever runs the workers.
            running.spawn(worker.in_current_span());
            ends.push(end);
        }
        let ticking = join_all(self.schedules.iter().map(|schedule| schedule.run(&self.jobs)));
        let early = tokio::select! {
            () = shutdown.begun() => None,
            ended = running.join_next() => Some(ended),
            _ = ticking, if !self.schedules.is_empty() => None,
        };
        for end in &ends {
            end.begin();
        }
        let drained = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout(self.drain, drained).await.is_err() {
            tracing::warn!(drain = ?self.drain, "handlers did not end in time: dropping them");
            running.shutdown().await;
        }
        for end in ends {
            end.done().await;
        }
        early.map_or(Ok(()), |ended| Err(ended_early(ended)))
    }
}

fn ended_early(ended: Option<Result<Result<(), WorkerError>, tokio::task::JoinError>>) -> Error {
    let error = Error::new(ErrorKind::Closed, "a worker ended without being told to: see its log");
    match ended {
        Some(Ok(Err(cause))) => error.with_source(cause),
        Some(Err(cause)) => error.with_source(cause),
        _ => error,
    }
}

type Run = Pin<Box<dyn Future<Output = Result<(), WorkerError>> + Send>>;

/// One queue's worker, ready to run.
struct Started {
    worker: Run,
    end: End,
}

impl Started {
    fn new(
        jobs: &Jobs,
        queue: &str,
        concurrency: usize,
        lease: Duration,
        registry: &Arc<Registry>,
    ) -> Result<Self, Error> {
        let mut backend = jobs
            .queue(queue)?
            .with_concurrency(concurrency)
            .with_lease(lease)
            .with_registry(Arc::clone(registry));
        let (phase, done) = backend.start();
        let context = WorkerContext::new(queue);
        let registry = Arc::clone(registry);
        let worker = WorkerBuilder::new(&context).backend(backend).build(
            move |delivery: Delivery, cx: JobCx| {
                let registry = Arc::clone(&registry);
                async move { registry.run(&delivery.claimed, cx).await }
            },
        );
        Ok(Started { worker: Box::pin(worker.run()), end: End { context, phase, done } })
    }
}

/// How one queue's worker is brought to its end.
struct End {
    context: WorkerContext,
    phase: Arc<watch::Sender<Phase>>,
    done: watch::Receiver<Phase>,
}

impl End {
    fn begin(&self) {
        self.phase.send_if_modified(|phase| {
            let earlier = *phase < Phase::Draining;
            *phase = (*phase).max(Phase::Draining);
            earlier
        });
        // It fails where the worker has ended, and where it has not started: it is stopped by its
        // backend then.
        let _ = self.context.stop();
    }

    async fn done(mut self) {
        self.phase.send_replace(Phase::Ended);
        // An error means that the driver is gone.
        let _ = self.done.wait_for(|phase| *phase == Phase::Ended).await;
    }
}
