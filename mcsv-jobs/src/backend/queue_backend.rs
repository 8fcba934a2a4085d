use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::queue::Queue;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::task::Task;
use apalis_core::task::builder::TaskBuilder;
use apalis_core::task::task_id::TaskId;
use apalis_core::worker::context::WorkerContext;
use tokio::sync::{mpsc, watch};

use super::Delivery;
use super::driver::{Driver, Phase};
use super::layer::AckLayer;
use super::supervise::Supervisor;
use crate::Jobs;
use crate::registry::Registry;

pub(crate) const LEASE: Duration = Duration::from_secs(30);
const CONCURRENCY: usize = 10;

/// One queue as an [`apalis_core::backend::Backend`]; made by [`Jobs::queue`].
///
/// apalis' builder, layers and extractors work on it unchanged: the handler takes a [`Delivery`],
/// and a [`JobCx`](crate::JobCx) if it wants one. Its first poll starts a driver, the one task that
/// fetches, keeps the leases alive and writes the outcomes; polling never fails and never touches
/// the database. The outcome is taken from what the handler returned, outside of every layer, so a
/// time-out layer or a panic counts as a failed attempt and nothing is left behind as running.
///
/// apalis-core itself counts a handler that panics before it has made its future as running for
/// ever, and such a worker does not stop in order: keep the work inside of the `async` block.
///
/// ```
/// # use mcsv_jobs::{BoxError, Delivery, Jobs, JobCx, Outcome};
/// # async fn example(jobs: Jobs) -> Result<(), BoxError> {
/// use apalis_core::worker::builder::WorkerBuilder;
///
/// let worker = WorkerBuilder::new("mailer")
///     .backend(jobs.queue("emails")?.with_concurrency(3))
///     .build(|job: Delivery, cx: JobCx| async move {
///         println!("{} of kind {}, attempt {}", cx.id(), job.kind(), cx.attempt());
///         Ok::<_, BoxError>(Outcome::done())
///     });
/// worker.run().await?;
/// # Ok(()) }
/// ```
#[must_use = "a backend does nothing until a worker runs on it"]
pub struct QueueBackend {
    jobs: Jobs,
    config: QueueConfig,
    registry: Arc<Registry>,
    running: Option<Running>,
}

struct Running {
    deliveries: mpsc::Receiver<Delivery>,
    phase: Arc<watch::Sender<Phase>>,
    done: watch::Receiver<Phase>,
    layer: AckLayer,
}

/// What a [`QueueBackend`] works with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct QueueConfig {
    /// The queue.
    pub queue: Arc<str>,
    /// How many of its jobs run at a time.
    pub concurrency: usize,
    /// How long a job stays with a worker that gives no sign of life.
    pub lease: Duration,
}

impl QueueBackend {
    pub(crate) fn new(jobs: &Jobs, queue: &str) -> Self {
        let config = QueueConfig { queue: queue.into(), concurrency: CONCURRENCY, lease: LEASE };
        let registry = Registry::new(jobs.keyring.clone());
        QueueBackend { jobs: jobs.clone(), config, registry: Arc::new(registry), running: None }
    }

    /// Runs up to `concurrency` jobs at a time, from 1 to 10,000; 10 by default.
    pub fn with_concurrency(mut self, concurrency: usize) -> Self {
        self.config.concurrency = concurrency.clamp(1, 10_000);
        self
    }

    /// Gives a job to somebody else when this worker gives no sign of life for `lease`, from 1 s to
    /// an hour; 30 s by default.
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.config.lease = lease.clamp(Duration::from_secs(1), Duration::from_secs(3600));
        self
    }

    pub(crate) fn with_registry(mut self, registry: Arc<Registry>) -> Self {
        self.registry = registry;
        self
    }

    /// Starts the driver: claims begin now. The second handle tells when it has ended.
    pub(crate) fn start(&mut self) -> (Arc<watch::Sender<Phase>>, watch::Receiver<Phase>) {
        let running = self.running();
        (Arc::clone(&running.phase), running.done.clone())
    }

    fn running(&mut self) -> &mut Running {
        self.running.get_or_insert_with(|| {
            let (deliver, deliveries) = mpsc::channel(self.config.concurrency);
            let ended = Arc::default();
            let phase = Arc::new(watch::Sender::new(Phase::Fetching));
            let driver =
                Driver::new(&self.jobs, &self.config, &self.registry, deliver, Arc::clone(&ended));
            let layer = AckLayer::new(Supervisor {
                registry: Arc::clone(&self.registry),
                owner: driver.owner().into(),
                ended,
            });
            let done = driver.spawn(phase.subscribe());
            Running { deliveries, phase, done, layer }
        })
    }
}

impl fmt::Debug for QueueBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueBackend").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Drop for QueueBackend {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.phase.send_replace(Phase::Ended);
        }
    }
}

impl Backend for QueueBackend {
    type Task = Task<Delivery>;
    type Error = Infallible;

    fn poll_ready(
        &mut self,
        _cx: &mut Context<'_>,
        _worker: &WorkerContext,
    ) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        worker: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Infallible>>> {
        let running = self.running();
        if *running.phase.borrow() > Phase::Fetching && !worker.is_shutting_down() {
            // It was to stop before it had started, which apalis refuses; here it has.
            let _ = worker.stop();
        }
        running.deliveries.poll_recv(cx).map(|delivery| Some(Ok(task(delivery?))))
    }

    fn poll_close(
        &mut self,
        cx: &mut Context<'_>,
        _worker: &WorkerContext,
    ) -> Poll<Result<(), Infallible>> {
        let Some(running) = &mut self.running else { return Poll::Ready(Ok(())) };
        running.phase.send_replace(Phase::Ended);
        // What was delivered and not started goes back with the rest; the channel closes when the
        // driver has written everything.
        loop {
            match running.deliveries.poll_recv(cx) {
                Poll::Ready(Some(_)) => {}
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl BackendConfig for QueueBackend {
    type Args = Delivery;
    type Id = TaskId;
    // The bytes are decoded where the handler is known, so that a bad row is a dead letter and not
    // the end of the worker.
    type Kind = Ephemeral;
    type Config = QueueConfig;
    type Layer = AckLayer;

    fn config(&self) -> &QueueConfig {
        &self.config
    }

    fn middleware(&mut self, _worker: &mut WorkerContext) -> AckLayer {
        self.running().layer.clone()
    }
}

fn task(delivery: Delivery) -> Task<Delivery> {
    let id = u64::try_from(delivery.claimed.id).unwrap_or_default();
    let (attempt, most) = (delivery.claimed.attempt, delivery.claimed.max_attempts);
    let queue = Queue::from(delivery.cx.queue());
    // apalis counts an attempt when it starts it; the row has counted this one.
    TaskBuilder::new(delivery)
        .task_id(TaskId::from_int(id))
        .attempt(attempt.saturating_sub(1) as usize)
        .max_attempts(most as usize)
        .queue(queue)
        .build()
}
