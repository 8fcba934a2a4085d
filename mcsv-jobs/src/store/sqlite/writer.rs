use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use sqlx::{Connection, SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, oneshot};

use super::enqueue::insert;
use crate::Error;
use crate::store::{Inserted, Row};

/// The most requests that share a transaction: bounds how long one commit can take.
const GROUP: usize = 512;
/// The most requests that wait; beyond it callers wait for a place.
const WAITING: usize = 4_096;

type Applying<'a, R> = Pin<Box<dyn Future<Output = Result<R, sqlx::Error>> + Send + 'a>>;

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
}

/// What the writer has done.
#[derive(Default)]
struct Progress {
    commits: AtomicU64,
    /// The highest id that it gave.
    last_id: AtomicI64,
}

enum Request {
    /// Inserts of a group are one statement, whoever asked for them.
    Insert(Vec<Row>, oneshot::Sender<Result<Vec<Inserted>, Error>>),
    Other(Box<dyn Member>),
}

impl Writer {
    pub(super) fn spawn(pool: SqlitePool) -> Self {
        let (requests, queue) = mpsc::channel(WAITING);
        let progress = Arc::default();
        tokio::spawn(serve(pool, queue, Arc::clone(&progress)));
        Writer { requests, progress }
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
        let member = Waiting { write, outcome: None, reply };
        self.send(Request::Other(Box::new(member)), answer).await
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

async fn serve(pool: SqlitePool, mut queue: mpsc::Receiver<Request>, progress: Arc<Progress>) {
    let mut group = Vec::new();
    while queue.recv_many(&mut group, GROUP).await > 0 {
        let (inserts, others) = split(std::mem::take(&mut group));
        let mut group = Group { inserts, others };
        match group.commit(&pool).await {
            Ok(inserted) => {
                progress.add(&inserted);
                group.answer(inserted);
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

type Insert = (Vec<Row>, oneshot::Sender<Result<Vec<Inserted>, Error>>);

fn split(requests: Vec<Request>) -> (Vec<Insert>, Vec<Box<dyn Member>>) {
    let (mut inserts, mut others) = (Vec::new(), Vec::new());
    for request in requests {
        match request {
            Request::Insert(rows, reply) => inserts.push((rows, reply)),
            Request::Other(member) => others.push(member),
        }
    }
    (inserts, others)
}

struct Group {
    inserts: Vec<Insert>,
    others: Vec<Box<dyn Member>>,
}

impl Group {
    fn len(&self) -> usize {
        self.inserts.len() + self.others.len()
    }

    async fn commit(&mut self, pool: &SqlitePool) -> Result<Vec<Inserted>, sqlx::Error> {
        let mut conn = pool.acquire().await?;
        if !self.inserts.is_empty() || self.others.iter().any(|member| member.is_durable()) {
            return self.commit_on(&mut conn, "BEGIN IMMEDIATE").await;
        }
        // Without the wait for the disk. A later commit that waits takes this one along.
        let begin = "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE";
        let committed = self.commit_on(&mut conn, begin).await;
        if sqlx::query("PRAGMA synchronous = FULL").execute(&mut *conn).await.is_err() {
            // A new connection begins with it.
            conn.close_on_drop();
        }
        committed
    }

    async fn commit_on(
        &mut self,
        conn: &mut SqliteConnection,
        begin: &'static str,
    ) -> Result<Vec<Inserted>, sqlx::Error> {
        let mut tx = conn.begin_with(begin).await?;
        let rows: Vec<&Row> = self.inserts.iter().flat_map(|(rows, _)| rows).collect();
        let inserted = if rows.is_empty() { Vec::new() } else { insert(&mut tx, &rows).await? };
        for member in &mut self.others {
            member.apply(&mut tx).await?;
        }
        tx.commit().await?;
        Ok(inserted)
    }

    fn answer(self, inserted: Vec<Inserted>) {
        let mut inserted = inserted.into_iter();
        for (rows, reply) in self.inserts {
            let _ = reply.send(Ok(inserted.by_ref().take(rows.len()).collect()));
        }
        for member in self.others {
            member.answer();
        }
    }

    fn fail(self, error: &Error) {
        for (_, reply) in self.inserts {
            let _ = reply.send(Err(error.again()));
        }
        for member in self.others {
            member.fail(error.again());
        }
    }

    /// One bad request must not take the others down with it.
    async fn commit_one_by_one(self, pool: &SqlitePool) {
        let inserts = self.inserts.into_iter().map(|insert| (vec![insert], vec![]));
        let others = self.others.into_iter().map(|member| (vec![], vec![member]));
        for (inserts, others) in inserts.chain(others) {
            let mut single = Group { inserts, others };
            match single.commit(pool).await {
                Ok(inserted) => single.answer(inserted),
                Err(error) => single.fail(&error.into()),
            }
        }
    }
}

trait Member: Send {
    fn is_durable(&self) -> bool;
    fn apply<'a>(&'a mut self, conn: &'a mut SqliteConnection) -> Applying<'a, ()>;
    fn answer(self: Box<Self>);
    fn fail(self: Box<Self>, error: Error);
}

struct Waiting<W: Write> {
    write: W,
    outcome: Option<W::Reply>,
    reply: oneshot::Sender<Result<W::Reply, Error>>,
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
