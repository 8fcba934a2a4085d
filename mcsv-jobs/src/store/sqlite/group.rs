use rusqlite::Connection;
use sqlx::SqliteConnection;
use tokio::sync::oneshot;

use super::log_sync::{Hearer, LogSync};
use super::own::Own;
use super::script::{Answers, Script};
use super::synchronous::Synchronous;
use super::turns::Turn;
use super::writer::{Durability, Member, Request, Waiting, Write as _};
use super::{claim, enqueue, settle, start};
use crate::Error;
use crate::store::{Claim, Completions, Inserted, Offered, Offers, Row, Settle};

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
    /// With the claims of those who wait for what is enqueued. A single job may start as it is inserted where
    /// the writer `has_own` connection.
    pub(super) fn new(requests: Vec<Request>, offers: &Offers, has_own: bool) -> Self {
        let mut group = Group::default();
        for request in requests {
            match request {
                Request::Insert(insert) => group.inserts.push(insert),
                Request::Claim(claim) => group.claims.push(*claim),
                // It is written as the others are, but with a fraction of the trips.
                Request::Settle(settle) if settle.write.is_plain() => group.settles.push(*settle),
                Request::Settle(settle) => group.others.push(settle),
                Request::Other(member) => group.others.push(member),
                // These write nothing.
                Request::Sync(_) | Request::Turn => {}
            }
        }
        if let [Insert { rows, .. }] = group.inserts.as_slice()
            && let [_] = rows.as_slice()
            && group.claims.is_empty()
            && group.is_one_script()
            && has_own
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

    /// Whether no member has statements of its own to say, one after the other.
    pub(super) fn is_one_script(&self) -> bool {
        self.others.is_empty()
    }

    /// Commits a group that is one script.
    pub(super) fn commit(&mut self, own: &mut Own) -> Result<(), Error> {
        self.inserted = own.transaction(|conn| {
            let mut inserted = self.start(conn)?;
            let mut script = Script::default();
            let completions = self.write(&mut script)?;
            let mut answers = script.run_here(conn)?;
            inserted.extend(self.read(&mut answers, completions)?);
            Ok(inserted)
        })?;
        Ok(())
    }

    /// Inserts the one row that may start at once, if it is one.
    fn start(&mut self, conn: &Connection) -> Result<Vec<Inserted>, Error> {
        if !self.starts {
            return Ok(Vec::new());
        }
        let rows = self.inserts.iter().flat_map(|insert| &insert.rows);
        let started = rows.zip(&mut self.claims).map(|(row, claim)| {
            let (inserted, reply) = start::insert(conn, row, &claim.write)?;
            claim.outcome = Some(reply);
            Ok(inserted)
        });
        started.collect()
    }

    /// Commits the group on the connection of sqlx.
    pub(super) async fn commit_on(
        &mut self,
        turn: &mut Turn,
        synchronous: &Synchronous,
    ) -> Result<(), sqlx::Error> {
        turn.is_clean = false;
        let written = self.write_on(&mut turn.conn, synchronous).await;
        turn.is_clean = written.is_ok();
        if written.is_err() {
            // It fails where the database has rolled back by itself.
            let _ = sqlx::raw_sql("ROLLBACK").execute(&mut *turn.conn).await;
            // And this one where it has not been rolled back at all.
            synchronous.set_full();
            let full = sqlx::raw_sql("PRAGMA synchronous = FULL").execute(&mut *turn.conn);
            turn.is_clean = full.await.is_ok();
        }
        written
    }

    /// In one trip, but for those who say their own statements.
    async fn write_on(
        &mut self,
        conn: &mut SqliteConnection,
        synchronous: &Synchronous,
    ) -> Result<(), sqlx::Error> {
        // Nothing waits for the disk here, but who is to be told: see `LogSync`.
        let begin = if synchronous.is_full() {
            "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE"
        } else {
            "BEGIN IMMEDIATE"
        };
        let mut script = Script::default();
        script.add(begin, []);
        let completions = self.write(&mut script)?;
        if self.is_one_script() {
            script.add("COMMIT", []);
        }
        let mut answers = script.run(conn).await?;
        synchronous.set_normal();
        answers.skip(begin.split(';').count());
        let inserted = self.read(&mut answers, completions)?;
        if !self.is_one_script() {
            for member in &mut self.others {
                member.apply(conn).await?;
            }
            let mut script = Script::default();
            script.add("COMMIT", []);
            script.run(conn).await?;
        }
        self.inserted = inserted;
        Ok(())
    }

    /// Adds the statements of the members that are written in one trip, but for what [`starts`](Self::start);
    /// [`read`](Self::read) takes their answers.
    fn write<'a>(&'a self, script: &mut Script<'a>) -> Result<Vec<Vec<Completions>>, sqlx::Error> {
        let rows = self.rows();
        if !rows.is_empty() {
            enqueue::write(script, &rows)?;
        }
        let settles = self.settles.iter().map(|settle| settle::write(script, &settle.write));
        let completions = settles.collect::<Result<_, _>>()?;
        for claim in self.claims.iter().filter(|_| !self.starts) {
            claim::write(script, &claim.write);
        }
        Ok(completions)
    }

    /// Of what does not start as it is inserted.
    fn rows(&self) -> Vec<&Row> {
        let inserts = self.inserts.iter().filter(|_| !self.starts);
        inserts.flat_map(|insert| &insert.rows).collect()
    }

    fn read(
        &mut self,
        answers: &mut Answers,
        completions: Vec<Vec<Completions>>,
    ) -> Result<Vec<Inserted>, sqlx::Error> {
        let rows = self.rows();
        let mut inserted = Vec::new();
        if !rows.is_empty() {
            inserted = enqueue::read(answers, &rows)?;
        }
        for (settle, completions) in self.settles.iter_mut().zip(completions) {
            settle.outcome = Some(settle::read(answers, completions)?);
        }
        for claim in self.claims.iter_mut().filter(|_| !self.starts) {
            let reply = claim::read(answers, &claim.write)?;
            for one in &mut inserted {
                let id = one.id.get();
                one.has_started |= reply.claimed.iter().any(|claimed| claimed.id == id);
            }
            claim.outcome = Some(reply);
        }
        Ok(inserted)
    }

    /// Those who start jobs first: they wait for no disk, whatever they share the commit with.
    pub(super) fn answer(self, sync: &LogSync) {
        for claim in self.claims {
            sync.answer(claim.write.durability(), Box::new(claim));
        }
        for settle in self.settles {
            sync.answer(settle.write.durability(), Box::new(settle));
        }
        let mut inserted = self.inserted.into_iter();
        for Insert { rows, reply } in self.inserts {
            let outcome = inserted.by_ref().take(rows.len()).collect();
            sync.answer(Durability::Now, Box::new(Told::<Vec<Inserted>> { outcome, reply }));
        }
        for member in self.others {
            sync.answer(member.durability(), member);
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
