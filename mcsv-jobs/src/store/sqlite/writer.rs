use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use sqlx::{SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, oneshot};

use super::group::{Group, Insert, Told};
use super::log_sync::{Disk, Hearer, LogSync};
use super::synchronous::Synchronous;
use crate::Error;
use crate::store::{Claim, ClaimReply, Inserted, Offer, Offers, Row, Settle, SettleReply};

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

    fn durability(&self) -> Durability {
        Durability::Now
    }
}

/// When a commit is to be on disk, so that it survives a power cut. Any survives the end of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Durability {
    /// With the next that is. For what only the workers of this machine go by: a power cut that takes
    /// the commit takes its hearer as well.
    Later,
    /// As soon as the disk can. For what a power cut a moment earlier would have prevented anyway, and
    /// that is made up for in the same way.
    Soon,
    /// Before it is answered. No other transaction waits for that, and no claim: a power cut that takes
    /// what was not answered takes the jobs along that it let start.
    Now,
}

/// The one task that writes: whoever asks while a commit runs shares the next one.
pub(crate) struct Writer {
    requests: mpsc::Sender<Request>,
    progress: Arc<Progress>,
    offers: Arc<Offers>,
    sync: LogSync,
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
    Insert(Insert),
    Claim(Box<Waiting<Claim>>),
    Settle(Box<Waiting<Settle>>),
    Other(Box<dyn Member>),
}

impl Request {
    fn is_urgent(&self) -> bool {
        matches!(self, Request::Claim(claim) if claim.write.is_urgent)
    }
}

/// A change, and who waits for what comes of it.
pub(super) struct Waiting<W: Write> {
    pub(super) write: W,
    pub(super) outcome: Option<W::Reply>,
    pub(super) reply: oneshot::Sender<Result<W::Reply, Error>>,
}

impl Writer {
    /// The `disk` has the log; there is none in memory.
    pub(super) fn spawn(
        pool: SqlitePool,
        synchronous: Synchronous,
        disk: Option<Box<dyn Disk>>,
    ) -> Self {
        let (requests, queue) = mpsc::channel(WAITING);
        let (progress, offers) = (Arc::default(), Arc::default());
        let sync = LogSync::spawn(pool.clone(), disk);
        let serving = Serving {
            pool,
            synchronous,
            sync: sync.clone(),
            progress: Arc::clone(&progress),
            offers: Arc::clone(&offers),
        };
        tokio::spawn(serving.serve(queue));
        Writer { requests, progress, offers, sync }
    }

    /// How many commits it made, and the highest id that it gave to an enqueued job.
    pub(super) fn progress(&self) -> (u64, i64) {
        let Progress { commits, last_id } = &*self.progress;
        (commits.load(Ordering::Acquire), last_id.load(Ordering::Acquire))
    }

    pub(super) async fn insert(&self, rows: Vec<Row>) -> Result<Vec<Inserted>, Error> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Insert(Insert { rows, reply }), answer).await
    }

    pub(super) async fn write<W: Write>(&self, write: W) -> Result<W::Reply, Error> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Other(Box::new(Waiting::new(write, reply))), answer).await
    }

    pub(super) async fn claim(&self, claim: Claim) -> Result<ClaimReply, Error> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Claim(Box::new(Waiting::new(claim, reply))), answer).await
    }

    pub(super) async fn settle(&self, settle: Settle) -> Result<SettleReply, Error> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Settle(Box::new(Waiting::new(settle, reply))), answer).await
    }

    /// Has `claim` join the next transaction that enqueues something for it.
    pub(super) fn offer(&self, claim: Claim) -> Offer {
        self.offers.add(claim)
    }

    /// Returns when all that was committed is on disk.
    pub(super) async fn sync(&self) -> Result<(), Error> {
        let (reply, answer) = oneshot::channel();
        self.sync.answer(Durability::Now, Box::new(Told { outcome: (), reply })).await;
        answer.await.map_err(|_| Error::closed())?
    }

    /// Whether a part of the log may be missing on disk, so that nothing behind it counts there.
    pub(super) fn is_torn(&self) -> bool {
        self.sync.is_torn()
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

/// What the one task works with.
struct Serving {
    pool: SqlitePool,
    synchronous: Synchronous,
    sync: LogSync,
    progress: Arc<Progress>,
    offers: Arc<Offers>,
}

impl Serving {
    async fn serve(self, mut queue: mpsc::Receiver<Request>) {
        let mut requests = Vec::new();
        while queue.recv_many(&mut requests, GROUP).await > 0 {
            // An urgent claim does not wait for the disk with the others: its jobs run meanwhile.
            let (claims, others): (Vec<Request>, Vec<Request>) =
                requests.drain(..).partition(Request::is_urgent);
            for requests in [claims, others] {
                if !requests.is_empty() {
                    self.commit(Group::new(requests, &self.offers)).await;
                }
            }
        }
    }

    async fn commit(&self, mut group: Group) {
        match group.commit(&self.pool, &self.synchronous).await {
            Ok(()) => {
                self.progress.add(group.inserted());
                group.answer(&self.sync).await;
            }
            Err(error) => {
                let error = Error::from(error);
                // A database that does not answer would make each of them wait in vain again.
                if group.len() == 1 || error.is_retryable() {
                    group.fail(&error);
                    return;
                }
                for mut one in group.one_by_one() {
                    match one.commit(&self.pool, &self.synchronous).await {
                        Ok(()) => one.answer(&self.sync).await,
                        Err(error) => one.fail(&error.into()),
                    }
                }
                self.progress.add(&[]);
            }
        }
    }
}

/// A member of a group that says its own statements.
pub(super) trait Member: Hearer {
    fn durability(&self) -> Durability;
    fn apply<'a>(&'a mut self, conn: &'a mut SqliteConnection) -> Applying<'a, ()>;
}

impl<W: Write> Waiting<W> {
    pub(super) fn new(write: W, reply: oneshot::Sender<Result<W::Reply, Error>>) -> Self {
        Waiting { write, outcome: None, reply }
    }
}

impl<W: Write> Member for Waiting<W> {
    fn durability(&self) -> Durability {
        self.write.durability()
    }

    fn apply<'a>(&'a mut self, conn: &'a mut SqliteConnection) -> Applying<'a, ()> {
        Box::pin(async move {
            self.outcome = Some(self.write.apply(conn).await?);
            Ok(())
        })
    }
}

impl<W: Write> Hearer for Waiting<W> {
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
