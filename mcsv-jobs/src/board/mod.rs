//! What apalis' own tools need of a queue beside a worker: lists, numbers, and a sink.

mod codec;
mod list;
mod sink;

use std::fmt;
use std::marker::PhantomData;
use std::task::{Context, Poll};

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig, WireFormatBackend};
use apalis_core::task::Task;
use apalis_core::task::task_id::TaskId;
use apalis_core::worker::context::WorkerContext;
use serde_json::Value;
use sink::Pending;
use tower_layer::Identity;

pub use codec::ValueCodec;

use crate::{Error, Job, Jobs};

/// The jobs of one kind as apalis' own tools see them; made by [`Jobs::board`].
///
/// It has the traits that [apalis-board] asks for, `ListTasks`, `ListAllTasks`, `ListQueues`,
/// `ListWorkers`, `Metrics` and `FetchById`, and is a sink of tasks, so that apalis' `TaskSink` enqueues
/// through it. It works on nothing itself: a worker on it ends at once, since [`Workers`](crate::Workers)
/// and [`Jobs::queue`] are there for that.
///
/// The arguments leave it as JSON, the sealed ones of this kind opened, where the queue has the key: show
/// such a board only to those who may read them.
///
/// | state here | status in apalis |
/// |---|---|
/// | available, scheduled | pending |
/// | executing | running |
/// | completed | done |
/// | retryable | failed |
/// | discarded, cancelled | killed |
///
/// ```
/// # use mcsv_jobs::{BoxError, Job, Jobs, Json};
/// # use serde::{Deserialize, Serialize};
/// use apalis_core::backend::{ListTasks, Filter, TaskSink};
/// # #[derive(Serialize, Deserialize)] struct SendMail { to: String }
/// # impl Job for SendMail { const KIND: &'static str = "mail"; const QUEUE: &'static str = "mails"; type Codec = Json; }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), BoxError> {
/// let jobs = Jobs::connect("sqlite::memory:").await?;
/// let mut board = jobs.board::<SendMail>();
/// board.push(SendMail { to: "ada@example.com".into() }).await?;
///
/// let first = Filter { status: None, page: 1, page_size: None };
/// assert_eq!(board.list_tasks(&first).await?[0].args["to"], "ada@example.com");
/// # Ok(()) }
/// ```
///
/// [apalis-board]: https://docs.rs/apalis-board
pub struct Board<J> {
    jobs: Jobs,
    pending: Pending,
    kind: PhantomData<fn() -> J>,
}

impl Jobs {
    /// The jobs of kind `J` for apalis' own tools: to list them, and to enqueue them by its sink.
    #[must_use]
    pub fn board<J: Job>(&self) -> Board<J> {
        Board { jobs: self.clone(), pending: Pending::default(), kind: PhantomData }
    }
}

impl<J> fmt::Debug for Board<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Board").finish_non_exhaustive()
    }
}

impl<J: Job> Backend for Board<J> {
    type Task = Task<Value>;
    type Error = Error;

    fn poll_ready(
        &mut self,
        _cx: &mut Context<'_>,
        _worker: &WorkerContext,
    ) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        _cx: &mut Context<'_>,
        _worker: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Error>>> {
        Poll::Ready(None)
    }

    fn poll_close(
        &mut self,
        _cx: &mut Context<'_>,
        _worker: &WorkerContext,
    ) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }
}

impl<J: Job> BackendConfig for Board<J> {
    type Args = J;
    type Id = TaskId;
    // Tasks go in as they are; the queue encodes them as their kind says.
    type Kind = Ephemeral;
    type Config = ();
    type Layer = Identity;

    fn config(&self) -> &() {
        &()
    }

    fn middleware(&mut self, _worker: &mut WorkerContext) -> Identity {
        Identity::new()
    }
}

impl<J: Job> WireFormatBackend for Board<J> {
    type Codec = ValueCodec;
    type Compact = Value;

    fn codec(&self) -> &ValueCodec {
        &ValueCodec
    }
}
