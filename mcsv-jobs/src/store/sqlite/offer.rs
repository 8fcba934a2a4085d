use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::writer::Waiting;
use crate::Error;
use crate::store::{Claim, ClaimReply};

/// The claims of drivers that have nothing to do but to wait for new work.
///
/// Whoever enqueues a job for one of them takes its claim along: it is in the transaction of
/// the enqueue, so that the job starts as soon as that is committed, without a second transaction.
#[derive(Default)]
pub(super) struct Offers {
    waiting: Mutex<BTreeMap<u64, Waiting<Claim>>>,
    next: Mutex<u64>,
}

/// A claim that waits for work; dropped, it no longer does.
pub(crate) struct Offer {
    number: u64,
    answer: oneshot::Receiver<Result<ClaimReply, Error>>,
    offers: Arc<Offers>,
}

impl Offers {
    pub(super) fn add(self: &Arc<Self>, claim: Claim) -> Offer {
        let (reply, answer) = oneshot::channel();
        let number = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            *next += 1;
            *next
        };
        self.lock().insert(number, Waiting::new(claim, reply));
        Offer { number, answer, offers: Arc::clone(self) }
    }

    /// The claim that has waited the longest for work of `queue`.
    pub(super) fn take(&self, queue: &str) -> Option<Waiting<Claim>> {
        let mut waiting = self.lock();
        let (&number, _) = waiting.iter().find(|(_, one)| one.write.queue == queue)?;
        waiting.remove(&number)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Waiting<Claim>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Offer {
    /// Waits until the claim was taken, and for what came of it. Cancel safe.
    pub(crate) async fn taken(&mut self) -> Result<ClaimReply, Error> {
        (&mut self.answer).await.map_err(|_| Error::closed())?
    }

    /// Takes the claim back; what came of it where it was taken already.
    pub(crate) async fn withdraw(mut self) -> Option<Result<ClaimReply, Error>> {
        if self.offers.lock().remove(&self.number).is_some() {
            return None;
        }
        Some(self.taken().await)
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        self.offers.lock().remove(&self.number);
    }
}
