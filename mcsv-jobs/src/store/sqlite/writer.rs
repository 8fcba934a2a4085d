use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use sqlx::{SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, oneshot};

use super::group::{Group, Insert, Told};
use super::log_sync::{Disk, Hearer, LogSync};
use super::on_runtime;
use super::own::Own;
use super::synchronous::Synchronous;
use super::turns::{Turn, Turns};
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

/// The one thread that writes: whoever asks while a commit runs shares the next one.
pub(crate) struct Writer {
    requests: mpsc::Sender<Request>,
    progress: Arc<Progress>,
    offers: Arc<Offers>,
    sync: LogSync,
    turns: Turns,
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
    /// Somebody waits for the disk to have what was committed.
    Sync(Told<()>),
    /// Somebody else wants to write.
    Turn,
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
    /// The writer of the database of `pool`, which has one connection, on a thread of its own. In memory
    /// there is neither a connection of its `own` nor a `disk` with a log.
    pub(super) fn spawn(
        pool: SqlitePool,
        synchronous: Synchronous,
        own: Option<Own>,
        disk: Option<Box<dyn Disk>>,
    ) -> Result<Self, Error> {
        let (requests, queue) = mpsc::channel(WAITING);
        let (progress, offers) = (Arc::default(), Arc::default());
        let turns = Turns::new(pool, &requests);
        let sync = LogSync::spawn(turns.clone(), disk)?;
        let serving = Serving {
            own,
            turns: turns.clone(),
            turn: None,
            synchronous,
            sync: sync.clone(),
            progress: Arc::clone(&progress),
            offers: Arc::clone(&offers),
            begun_anew: 0,
        };
        on_runtime::thread("mcsv-jobs-write", move || serving.serve(queue))?;
        Ok(Writer { requests, progress, offers, sync, turns })
    }

    /// Who else may write, and when.
    pub(super) fn turns(&self) -> &Turns {
        &self.turns
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
        self.send(Request::Sync(Told { outcome: (), reply }), answer).await
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

/// What the one thread works with.
struct Serving {
    own: Option<Own>,
    turns: Turns,
    /// Where it is the writer's.
    turn: Option<Turn>,
    synchronous: Synchronous,
    sync: LogSync,
    progress: Arc<Progress>,
    offers: Arc<Offers>,
    /// How often the log had begun anew when `own` was opened.
    begun_anew: u64,
}

impl Serving {
    fn serve(mut self, mut queue: mpsc::Receiver<Request>) {
        let mut requests = Vec::new();
        while queue.blocking_recv_many(&mut requests, GROUP) > 0 {
            self.renew_own();
            let told = requests.extract_if(.., |request| matches!(request, Request::Sync(_)));
            let told: Vec<Request> = told.collect();
            // An urgent claim does not wait for the disk with the others: its jobs run meanwhile.
            let (claims, others): (Vec<Request>, Vec<Request>) =
                requests.drain(..).partition(Request::is_urgent);
            for requests in [claims, others] {
                let group = Group::new(requests, &self.offers, self.own.is_some());
                if group.len() > 0 {
                    self.commit(group);
                }
            }
            self.answer_after_sync(told);
            self.let_others_write();
        }
    }

    fn commit(&mut self, group: Group) {
        let Some((group, written)) = self.write(group) else { return };
        let Err(error) = written else {
            self.progress.add(group.inserted());
            self.answer(group);
            return;
        };
        // A database that does not answer would make each of them wait in vain again.
        if group.len() == 1 || error.is_retryable() {
            group.fail(&error);
            return;
        }
        for one in group.one_by_one() {
            match self.write(one) {
                Some((one, Ok(()))) => self.answer(one),
                Some((one, Err(error))) => one.fail(&error),
                None => {}
            }
        }
        self.progress.add(&[]);
    }

    fn answer(&mut self, group: Group) {
        self.make_room(group.len());
        self.let_others_write();
        group.answer(&self.sync);
    }

    fn answer_after_sync(&mut self, told: Vec<Request>) {
        self.make_room(told.len());
        for request in told {
            if let Request::Sync(told) = request {
                self.sync.answer(Durability::Now, Box::new(told));
            }
        }
    }

    fn make_room(&mut self, count: usize) {
        if !self.sync.has_room(count) {
            // Whoever brings the log to the disk may wait for his turn.
            self.end_turn();
        }
    }

    /// None where the runtime of sqlx's connections is gone, and the group with it: who waits hears that the
    /// queue is closed.
    fn write(&mut self, mut group: Group) -> Option<(Group, Result<(), Error>)> {
        let mut turn = match self.take_turn()? {
            Ok(turn) => turn,
            Err(error) => return Some((group, Err(error.into()))),
        };
        if let Some(own) = self.own.as_mut().filter(|_| group.is_one_script()) {
            self.turn = Some(turn);
            let written = group.commit(own);
            return Some((group, written));
        }
        let synchronous = self.synchronous.clone();
        let (group, turn, written) = on_runtime::run(async move {
            let written = group.commit_on(&mut turn, &synchronous).await;
            (group, turn, written)
        })?;
        self.turn = Some(turn).filter(|turn| turn.is_clean);
        Some((group, written.map_err(Error::from)))
    }

    /// Once a log has begun anew: the handle of the old connection would be told of the failure before.
    fn renew_own(&mut self) {
        let begun = self.sync.begun_anew();
        if std::mem::replace(&mut self.begun_anew, begun) != begun
            && let Some(own) = &mut self.own
        {
            own.close();
        }
    }

    fn take_turn(&mut self) -> Option<Result<Turn, sqlx::Error>> {
        if let Some(turn) = self.turn.take().or_else(|| self.turns.try_take()) {
            return Some(Ok(turn));
        }
        on_runtime::run(self.turns.clone().wait())
    }

    /// In memory even those who read need the one connection.
    fn let_others_write(&mut self) {
        if self.own.is_none() || self.turns.is_wanted() {
            self.end_turn();
        }
    }

    fn end_turn(&mut self) {
        self.turn = None;
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
