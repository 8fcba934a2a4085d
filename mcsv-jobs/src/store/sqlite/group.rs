use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqlitePool};
use tokio::sync::oneshot;

use super::log_sync::{Hearer, LogSync};
use super::script::Script;
use super::synchronous::Synchronous;
use super::writer::{Durability, Member, Request, Waiting, Write as _};
use super::{claim, enqueue, settle, start};
use crate::Error;
use crate::store::{Claim, Inserted, Offered, Offers, Row, Settle};

/// Requests that share a transaction.
#[derive(Default)]
pub(super) struct Group {
    inserts: Vec<Insert>,
    settles: Vec<Waiting<Settle>>,
    claims: Vec<Waiting<Claim>>,
    others: Vec<Box<dyn Member>>,
    /// Whether the one row that is inserted starts by the one claim that there is.
    starts: bool,
    inserted: Vec<Inserted>,
}

/// Rows, and who waits for what became of them.
pub(super) struct Insert {
    pub(super) rows: Vec<Row>,
    pub(super) reply: oneshot::Sender<Result<Vec<Inserted>, Error>>,
}

/// Somebody who waits, and what he is to hear.
pub(super) struct Told<R> {
    pub(super) outcome: R,
    pub(super) reply: oneshot::Sender<Result<R, Error>>,
}

impl<R: Send> Hearer for Told<R> {
    fn answer(self: Box<Self>) {
        // Nobody waits any more: it stands all the same.
        let _ = self.reply.send(Ok(self.outcome));
    }

    fn fail(self: Box<Self>, error: Error) {
        let _ = self.reply.send(Err(error));
    }
}

impl Group {
    /// With the claims of those who wait for what is enqueued.
    pub(super) fn new(requests: Vec<Request>, offers: &Offers) -> Self {
        let mut group = Group::default();
        for request in requests {
            match request {
                Request::Insert(insert) => group.inserts.push(insert),
                Request::Claim(claim) => group.claims.push(*claim),
                // It is written as the others are, but with a fraction of the trips.
                Request::Settle(settle) if settle.write.is_plain() => group.settles.push(*settle),
                Request::Settle(settle) => group.others.push(settle),
                Request::Other(member) => group.others.push(member),
            }
        }
        if let [Insert { rows, .. }] = group.inserts.as_slice()
            && let [_] = rows.as_slice()
            && group.claims.is_empty()
            && let Some(Offered { claim, reply }) = offers.take_for(rows)
        {
            group.claims.push(Waiting::new(claim, reply));
            group.starts = true;
            return group;
        }
        let mut queues: Vec<&str> = Vec::new();
        for row in group.inserts.iter().flat_map(|insert| &insert.rows) {
            if row.is_due() && !queues.contains(&row.queue.as_str()) {
                queues.push(&row.queue);
            }
        }
        let offered: Vec<_> = queues.iter().filter_map(|queue| offers.take(queue)).collect();
        let offered = offered.into_iter();
        group.claims.extend(offered.map(|Offered { claim, reply }| Waiting::new(claim, reply)));
        group
    }

    pub(super) fn len(&self) -> usize {
        self.inserts.len() + self.settles.len() + self.claims.len() + self.others.len()
    }

    pub(super) fn inserted(&self) -> &[Inserted] {
        &self.inserted
    }

    pub(super) async fn commit(
        &mut self,
        pool: &SqlitePool,
        synchronous: &Synchronous,
    ) -> Result<(), sqlx::Error> {
        let mut lent = Lent { conn: pool.acquire().await?, is_clean: false };
        match self.commit_on(&mut lent.conn, synchronous).await {
            Ok(()) => {
                lent.is_clean = true;
                Ok(())
            }
            Err(error) => {
                // It fails where the database has rolled back by itself.
                let _ = sqlx::raw_sql("ROLLBACK").execute(&mut *lent.conn).await;
                // And this one where it has not been rolled back at all.
                synchronous.set_full();
                let full = sqlx::raw_sql("PRAGMA synchronous = FULL").execute(&mut *lent.conn);
                lent.is_clean = full.await.is_ok();
                Err(error)
            }
        }
    }

    /// In one trip, but for those who say their own statements.
    async fn commit_on(
        &mut self,
        conn: &mut PoolConnection<Sqlite>,
        synchronous: &Synchronous,
    ) -> Result<(), sqlx::Error> {
        // Nothing waits for the disk here, but who is to be told: see `LogSync`.
        let begin = if synchronous.is_full() {
            "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE"
        } else {
            "BEGIN IMMEDIATE"
        };
        let rows: Vec<&Row> = self.inserts.iter().flat_map(|insert| &insert.rows).collect();
        let mut script = Script::new();
        script.add(begin, [])?;
        let starting = rows.first().copied().filter(|_| self.starts);
        if let Some(row) = starting {
            for claim in &self.claims {
                start::write(&mut script, row, &claim.write)?;
            }
        } else if !rows.is_empty() {
            enqueue::write(&mut script, &rows)?;
        }
        let mut completions = Vec::with_capacity(self.settles.len());
        for settle in &self.settles {
            completions.push(settle::write(&mut script, &settle.write)?);
        }
        for claim in self.claims.iter().filter(|_| starting.is_none()) {
            claim::write(&mut script, &claim.write)?;
        }
        if self.others.is_empty() {
            script.add("COMMIT", [])?;
        }
        let mut answers = script.run(conn).await?;
        synchronous.set_normal();
        answers.skip(begin.split(';').count());
        let mut inserted = Vec::new();
        if let Some(row) = starting {
            for claim in &mut self.claims {
                let (one, reply) = start::read(&mut answers, row)?;
                inserted.push(one);
                claim.outcome = Some(reply);
            }
        } else if !rows.is_empty() {
            inserted = enqueue::read(&mut answers, &rows)?;
        }
        for (settle, completions) in self.settles.iter_mut().zip(completions) {
            settle.outcome = Some(settle::read(&mut answers, completions)?);
        }
        for claim in self.claims.iter_mut().filter(|_| starting.is_none()) {
            let reply = claim::read(&mut answers, &claim.write)?;
            for one in &mut inserted {
                let id = one.id.get();
                one.has_started |= reply.claimed.iter().any(|claimed| claimed.id == id);
            }
            claim.outcome = Some(reply);
        }
        for member in &mut self.others {
            member.apply(conn).await?;
        }
        if !self.others.is_empty() {
            let mut script = Script::new();
            script.add("COMMIT", [])?;
            script.run(conn).await?;
        }
        self.inserted = inserted;
        Ok(())
    }

    /// Those who start jobs first: they wait for no disk, whatever they share the commit with.
    pub(super) async fn answer(self, sync: &LogSync) {
        for claim in self.claims {
            sync.answer(claim.write.durability(), Box::new(claim)).await;
        }
        for settle in self.settles {
            sync.answer(settle.write.durability(), Box::new(settle)).await;
        }
        let mut inserted = self.inserted.into_iter();
        for Insert { rows, reply } in self.inserts {
            let outcome = inserted.by_ref().take(rows.len()).collect();
            sync.answer(Durability::Now, Box::new(Told::<Vec<Inserted>> { outcome, reply })).await;
        }
        for member in self.others {
            sync.answer(member.durability(), member).await;
        }
    }

    pub(super) fn fail(self, error: &Error) {
        for Insert { reply, .. } in self.inserts {
            let _ = reply.send(Err(error.again()));
        }
        for settle in self.settles {
            Box::new(settle).fail(error.again());
        }
        for claim in self.claims {
            Box::new(claim).fail(error.again());
        }
        for member in self.others {
            member.fail(error.again());
        }
    }

    /// Each in a group of its own: one bad request must not take the others down with it.
    pub(super) fn one_by_one(self) -> impl Iterator<Item = Group> {
        let of = Group::default;
        let inserts = self.inserts.into_iter().map(move |one| Group { inserts: vec![one], ..of() });
        let settles = self.settles.into_iter().map(move |one| Group { settles: vec![one], ..of() });
        let claims = self.claims.into_iter().map(move |one| Group { claims: vec![one], ..of() });
        let others = self.others.into_iter().map(move |one| Group { others: vec![one], ..of() });
        inserts.chain(settles).chain(claims).chain(others)
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
