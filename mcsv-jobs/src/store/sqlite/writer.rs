use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use sqlx::{SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, oneshot};

use super::group::Group;
use super::offer::{Offer, Offers};
use crate::Error;
use crate::store::{Inserted, Row, Turn, TurnReply};

/// The most requests that share a transaction: bounds how long one commit can take.
const GROUP: usize = 512;
/// The most requests that wait; beyond it callers wait for a place.
const WAITING: usize = 4_096;

pub(super) type Applying<'a, R> = Pin<Box<dyn Future<Output = Result<R, sqlx::Error>> + Send + 'a>>;

/// A change that can share a transaction with others.
///
/// It may be applied twice: when a group fails it is rolled back, and each member gets a
/// transaction of its own.
pub(crate) trait Write: Send + Sync + 'static {
    type Reply: Send + 'static;

    fn apply<'a>(&'a self, conn: &'a mut SqliteConnection) -> Applying<'a, Self::Reply>;

    /// Whether its commit is to survive a power cut before it is answered.
    ///
    /// Where a power cut takes the commit it takes the answer's hearer as well: this is for what
    /// only the workers of this machine go by.
    fn is_durable(&self) -> bool {
        true
    }
}

/// The one task that writes: whoever asks while a commit runs shares the next one.
pub(crate) struct Writer {
    requests: mpsc::Sender<Request>,
    progress: Arc<Progress>,
    offers: Arc<Offers>,
}

/// What the writer has done.
#[derive(Default)]
struct Progress {
    commits: AtomicU64,
    /// The highest id that it gave.
    last_id: AtomicI64,
}

/// What somebody waits for.
pub(super) enum Request {
    /// Inserts of a group are one statement, whoever asked for them.
    Insert(Vec<Row>, oneshot::Sender<Result<Vec<Inserted>, Error>>),
    Turn(Box<Waiting<Turn>>),
    Other(Box<dyn Member>),
}

/// A change, and who waits for what comes of it.
pub(super) struct Waiting<W: Write> {
    pub(super) write: W,
    pub(super) outcome: Option<W::Reply>,
    pub(super) reply: oneshot::Sender<Result<W::Reply, Error>>,
}

impl Writer {
    pub(super) fn spawn(pool: SqlitePool) -> Self {
        let (requests, queue) = mpsc::channel(WAITING);
        let (progress, offers) = (Arc::default(), Arc::default());
        tokio::spawn(serve(pool, queue, Arc::clone(&progress), Arc::clone(&offers)));
        Writer { requests, progress, offers }
    }

    /// How many commits it made, and the highest id that it gave to an enqueued job.
    pub(super) fn progress(&self) -> (u64, i64) {
        let Progress { commits, last_id } = &*self.progress;
        (commits.load(Ordering::Acquire), last_id.load(Ordering::Acquire))
    }

    pub(super) async fn insert(&self, rows: Vec<Row>) -> Result<Vec<Inserted>, Error> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Insert(rows, reply), answer).await
    }

    pub(super) async fn write<W: Write>(&self, write: W) -> Result<W::Reply, Error> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Other(Box::new(Waiting::new(write, reply))), answer).await
    }

    pub(super) async fn turn(&self, turn: Turn) -> Result<TurnReply, Error> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Turn(Box::new(Waiting::new(turn, reply))), answer).await
    }

    /// Has `turn`, which only claims, join the next transaction that enqueues something for it.
    pub(super) fn offer(&self, turn: Turn) -> Offer {
        self.offers.add(turn)
    }

    async fn send<R>(
        &self,
        request: Request,
        answer: oneshot::Receiver<Result<R, Error>>,
    ) -> Result<R, Error> {
        self.requests.send(request).await.map_err(|_| Error::closed())?;
        answer.await.map_err(|_| Error::closed())?
    }
}

impl Progress {
    fn add(&self, inserted: &[Inserted]) {
        if let Some(last) = inserted.iter().map(|one| one.id.get()).max() {
            self.last_id.fetch_max(last, Ordering::AcqRel);
        }
        self.commits.fetch_add(1, Ordering::AcqRel);
    }
}

async fn serve(
    pool: SqlitePool,
    mut queue: mpsc::Receiver<Request>,
    progress: Arc<Progress>,
    offers: Arc<Offers>,
) {
    let mut requests = Vec::new();
    while queue.recv_many(&mut requests, GROUP).await > 0 {
        let mut group = Group::new(std::mem::take(&mut requests), &offers);
        match group.commit(&pool).await {
            Ok(()) => {
                progress.add(group.inserted());
                group.answer();
            }
            Err(error) => {
                let error = Error::from(error);
                // A database that does not answer would make each of them wait in vain again.
                if group.len() == 1 || error.is_retryable() {
                    group.fail(&error);
                } else {
                    group.commit_one_by_one(&pool).await;
                    progress.add(&[]);
                }
            }
        }
    }
}

/// A member of a group that says its own statements.
pub(super) trait Member: Send {
    fn is_durable(&self) -> bool;
    fn apply<'a>(&'a mut self, conn: &'a mut SqliteConnection) -> Applying<'a, ()>;
    fn answer(self: Box<Self>);
    fn fail(self: Box<Self>, error: Error);
}

impl<W: Write> Waiting<W> {
    pub(super) fn new(write: W, reply: oneshot::Sender<Result<W::Reply, Error>>) -> Self {
        Waiting { write, outcome: None, reply }
    }
}

impl<W: Write> Member for Waiting<W> {
    fn is_durable(&self) -> bool {
        self.write.is_durable()
    }

    fn apply<'a>(&'a mut self, conn: &'a mut SqliteConnection) -> Applying<'a, ()> {
        Box::pin(async move {
            self.outcome = Some(self.write.apply(conn).await?);
            Ok(())
        })
    }

    fn answer(self: Box<Self>) {
        if let Some(outcome) = self.outcome {
            // Nobody waits any more: the change stands all the same.
            let _ = self.reply.send(Ok(outcome));
        }
    }

    fn fail(self: Box<Self>, error: Error) {
        let _ = self.reply.send(Err(error));
    }
}
