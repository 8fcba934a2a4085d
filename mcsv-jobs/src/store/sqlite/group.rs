use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqlitePool};
use tokio::sync::oneshot;

use super::offer::Offers;
use super::script::Script;
use super::writer::{Durability, Member, Request, Waiting, Write as _};
use super::{claim, enqueue, settle};
use crate::Error;
use crate::store::{Claim, Inserted, Row, Settle};

/// Requests that share a transaction.
#[derive(Default)]
pub(super) struct Group {
    inserts: Vec<Insert>,
    settles: Vec<Waiting<Settle>>,
    claims: Vec<Waiting<Claim>>,
    others: Vec<Box<dyn Member>>,
    inserted: Vec<Inserted>,
}

type Insert = (Vec<Row>, oneshot::Sender<Result<Vec<Inserted>, Error>>);

impl Group {
    /// With the claims of those who wait for what is enqueued.
    pub(super) fn new(requests: Vec<Request>, offers: &Offers) -> Self {
        let mut group = Group::default();
        for request in requests {
            match request {
                Request::Insert(rows, reply) => group.inserts.push((rows, reply)),
                Request::Claim(claim) => group.claims.push(*claim),
                // It is written as the others are, but with a fraction of the trips.
                Request::Settle(settle) if settle.write.is_plain() => group.settles.push(*settle),
                Request::Settle(settle) => group.others.push(settle),
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
        group.claims.extend(offered);
        group
    }

    pub(super) fn len(&self) -> usize {
        self.inserts.len() + self.settles.len() + self.claims.len() + self.others.len()
    }

    pub(super) fn inserted(&self) -> &[Inserted] {
        &self.inserted
    }

    pub(super) fn durability(&self) -> Durability {
        let inserts = self.inserts.iter().map(|_| Durability::Now);
        let settles = self.settles.iter().map(|settle| settle.write.durability());
        let others = self.others.iter().map(|member| member.durability());
        inserts.chain(settles).chain(others).max().unwrap_or(Durability::Later)
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
        let (begin, commit) = if self.durability() == Durability::Now {
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
        let mut completions = Vec::with_capacity(self.settles.len());
        for settle in &self.settles {
            completions.push(settle::write(&mut script, &settle.write)?);
        }
        for claim in &self.claims {
            claim::write(&mut script, &claim.write)?;
        }
        if self.others.is_empty() {
            script.add(commit, [])?;
        }
        let mut answers = script.run(conn).await?;
        answers.skip(begin.split(';').count());
        let mut inserted =
            if rows.is_empty() { Vec::new() } else { enqueue::read(&mut answers, &rows)? };
        for (settle, completions) in self.settles.iter_mut().zip(completions) {
            settle.outcome = Some(settle::read(&mut answers, completions)?);
        }
        for claim in &mut self.claims {
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
            script.add(commit, [])?;
            script.run(conn).await?;
        }
        self.inserted = inserted;
        Ok(())
    }

    /// Those who start jobs first.
    pub(super) fn answer(self) {
        for claim in self.claims {
            Box::new(claim).answer();
        }
        for settle in self.settles {
            Box::new(settle).answer();
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

    /// One bad request must not take the others down with it.
    pub(super) async fn commit_one_by_one(self, pool: &SqlitePool) {
        let of = Group::default;
        let inserts = self.inserts.into_iter().map(|one| Group { inserts: vec![one], ..of() });
        let settles = self.settles.into_iter().map(|one| Group { settles: vec![one], ..of() });
        let claims = self.claims.into_iter().map(|one| Group { claims: vec![one], ..of() });
        let others = self.others.into_iter().map(|one| Group { others: vec![one], ..of() });
        for mut single in inserts.chain(settles).chain(claims).chain(others) {
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
