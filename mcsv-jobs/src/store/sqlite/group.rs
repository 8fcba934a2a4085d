use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqlitePool};
use tokio::sync::oneshot;

use super::offer::Offers;
use super::script::Script;
use super::writer::{Member, Request, Waiting, Write as _};
use super::{enqueue, turn};
use crate::Error;
use crate::store::{Inserted, Row, Turn};

/// Requests that share a transaction.
pub(super) struct Group {
    inserts: Vec<Insert>,
    turns: Vec<Waiting<Turn>>,
    others: Vec<Box<dyn Member>>,
    inserted: Vec<Inserted>,
}

type Insert = (Vec<Row>, oneshot::Sender<Result<Vec<Inserted>, Error>>);

impl Group {
    /// With the turns of those who wait for what is enqueued.
    pub(super) fn new(requests: Vec<Request>, offers: &Offers) -> Self {
        let mut group = Group::of(Vec::new(), Vec::new(), Vec::new());
        for request in requests {
            match request {
                Request::Insert(rows, reply) => group.inserts.push((rows, reply)),
                // It is written as the others are, but with a fraction of the trips.
                Request::Turn(turn) if turn::is_plain(&turn.write) => group.turns.push(*turn),
                Request::Turn(turn) => group.others.push(turn),
                Request::Other(member) => group.others.push(member),
            }
        }
        let mut queues: Vec<&str> = Vec::new();
        for row in group.inserts.iter().flat_map(|(rows, _)| rows) {
            if row.is_due() && !queues.contains(&row.queue.as_str()) {
                queues.push(&row.queue);
            }
        }
        let offered: Vec<_> = queues.iter().filter_map(|queue| offers.take(queue)).collect();
        group.turns.extend(offered);
        group
    }

    fn of(inserts: Vec<Insert>, turns: Vec<Waiting<Turn>>, others: Vec<Box<dyn Member>>) -> Self {
        Group { inserts, turns, others, inserted: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.inserts.len() + self.turns.len() + self.others.len()
    }

    pub(super) fn inserted(&self) -> &[Inserted] {
        &self.inserted
    }

    fn is_durable(&self) -> bool {
        !self.inserts.is_empty()
            || self.turns.iter().any(|turn| turn.write.is_durable())
            || self.others.iter().any(|member| member.is_durable())
    }

    pub(super) async fn commit(&mut self, pool: &SqlitePool) -> Result<(), sqlx::Error> {
        let mut lent = Lent { conn: pool.acquire().await?, is_clean: false };
        match self.commit_on(&mut lent.conn).await {
            Ok(()) => {
                lent.is_clean = true;
                Ok(())
            }
            Err(error) => {
                // It fails where the database has rolled back by itself.
                let _ = sqlx::raw_sql("ROLLBACK").execute(&mut *lent.conn).await;
                // And this one where it has not been rolled back at all.
                let full = sqlx::raw_sql("PRAGMA synchronous = FULL").execute(&mut *lent.conn);
                lent.is_clean = full.await.is_ok();
                Err(error)
            }
        }
    }

    /// In one trip, but for those who say their own statements.
    async fn commit_on(&mut self, conn: &mut PoolConnection<Sqlite>) -> Result<(), sqlx::Error> {
        // Without the wait for the disk where nobody needs it. A later commit that waits takes this
        // one along.
        let (begin, commit) = if self.is_durable() {
            ("BEGIN IMMEDIATE", "COMMIT")
        } else {
            ("PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE", "COMMIT; PRAGMA synchronous = FULL")
        };
        let rows: Vec<&Row> = self.inserts.iter().flat_map(|(rows, _)| rows).collect();
        let mut script = Script::new();
        script.add(begin, [])?;
        if !rows.is_empty() {
            enqueue::write(&mut script, &rows)?;
        }
        let mut written = Vec::with_capacity(self.turns.len());
        for turn in &self.turns {
            written.push(turn::write(&mut script, &turn.write)?);
        }
        if self.others.is_empty() {
            script.add(commit, [])?;
        }
        let mut answers = script.run(conn).await?;
        answers.skip(begin.split(';').count());
        let mut inserted =
            if rows.is_empty() { Vec::new() } else { enqueue::read(&mut answers, &rows)? };
        for (turn, completions) in self.turns.iter_mut().zip(written) {
            let reply = turn::read(&mut answers, &turn.write, completions)?;
            for one in &mut inserted {
                let id = one.id.get();
                one.has_started |= reply.claimed.iter().any(|claimed| claimed.id == id);
            }
            turn.outcome = Some(reply);
        }
        for member in &mut self.others {
            member.apply(conn).await?;
        }
        if !self.others.is_empty() {
            let mut script = Script::new();
            script.add(commit, [])?;
            script.run(conn).await?;
        }
        self.inserted = inserted;
        Ok(())
    }

    /// Those who start jobs first.
    pub(super) fn answer(self) {
        for turn in self.turns {
            Box::new(turn).answer();
        }
        let mut inserted = self.inserted.into_iter();
        for (rows, reply) in self.inserts {
            let _ = reply.send(Ok(inserted.by_ref().take(rows.len()).collect()));
        }
        for member in self.others {
            member.answer();
        }
    }

    pub(super) fn fail(self, error: &Error) {
        for (_, reply) in self.inserts {
            let _ = reply.send(Err(error.again()));
        }
        for turn in self.turns {
            Box::new(turn).fail(error.again());
        }
        for member in self.others {
            member.fail(error.again());
        }
    }

    /// One bad request must not take the others down with it.
    pub(super) async fn commit_one_by_one(self, pool: &SqlitePool) {
        let inserts = self.inserts.into_iter().map(|one| Group::of(vec![one], vec![], vec![]));
        let turns = self.turns.into_iter().map(|one| Group::of(vec![], vec![one], vec![]));
        let others = self.others.into_iter().map(|one| Group::of(vec![], vec![], vec![one]));
        for mut single in inserts.chain(turns).chain(others) {
            match single.commit(pool).await {
                Ok(()) => single.answer(),
                Err(error) => single.fail(&error.into()),
            }
        }
    }
}

/// The writer's connection, which is closed and not given back with a transaction still open.
struct Lent {
    conn: PoolConnection<Sqlite>,
    is_clean: bool,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.is_clean {
            self.conn.close_on_drop();
        }
    }
}
