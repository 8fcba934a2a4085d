use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::{Claim, ClaimReply, Row};
use crate::Error;

/// The claims of drivers that have nothing to do but to wait for new work.
///
/// Whoever enqueues a job for one of them takes its claim along: it is in the transaction of
/// the enqueue, so that the job starts as soon as that is committed, without a second transaction.
#[derive(Default)]
pub(super) struct Offers(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    claims: BTreeMap<u64, Offered>,
    last: u64,
}

/// A claim that was offered, and who waits for what comes of it.
///
/// Dropped, it is one whose answer was lost.
pub(super) struct Offered {
    pub(super) claim: Claim,
    pub(super) reply: oneshot::Sender<Result<ClaimReply, Error>>,
}

/// A claim that waits for work; dropped, it no longer does.
pub(crate) struct Offer {
    number: u64,
    answer: oneshot::Receiver<Result<ClaimReply, Error>>,
    offers: Arc<Offers>,
}

impl Offers {
    /// Has `claim` join the next transaction that enqueues something for it.
    pub(super) fn add(self: &Arc<Self>, claim: Claim) -> Offer {
        let (reply, answer) = oneshot::channel();
        let mut waiting = self.lock();
        waiting.last += 1;
        let number = waiting.last;
        waiting.claims.insert(number, Offered { claim, reply });
        drop(waiting);
        Offer { number, answer, offers: Arc::clone(self) }
    }

    /// The claim that has waited the longest for work of `queue`.
    pub(super) fn take(&self, queue: &str) -> Option<Offered> {
        self.take_if(|claim| claim.queue == queue)
    }

    /// A claim with room for all of these rows, each of which can start as it is enqueued.
    pub(super) fn take_for(&self, rows: &[Row]) -> Option<Offered> {
        self.take_if(|claim| is_for(claim, rows))
    }

    /// Whether there is such a claim.
    #[cfg(feature = "postgres")]
    pub(super) fn has_for(&self, rows: &[Row]) -> bool {
        self.lock().claims.values().any(|one| is_for(&one.claim, rows))
    }

    fn take_if(&self, is_wanted: impl Fn(&Claim) -> bool) -> Option<Offered> {
        let mut waiting = self.lock();
        let (&number, _) = waiting.claims.iter().find(|(_, one)| is_wanted(&one.claim))?;
        waiting.claims.remove(&number)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Offer {
    /// Waits until the claim was taken, and for what came of it. Cancel safe.
    pub(crate) async fn taken(&mut self) -> Result<ClaimReply, Error> {
        (&mut self.answer).await.map_err(|_| Error::closed())?
    }

    /// Takes the claim back, unless somebody took it already: then it is under way.
    pub(crate) fn withdraw(&self) -> bool {
        self.offers.lock().claims.remove(&self.number).is_some()
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        self.withdraw();
    }
}

/// A row that can start is a new job whatever there is, and due.
fn is_for(claim: &Claim, rows: &[Row]) -> bool {
    let can_start = |row: &Row| row.unique_key.is_none() && row.is_due();
    claim.room >= rows.len() && rows.iter().all(|row| row.queue == claim.queue && can_start(row))
}
