use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::writer::Waiting;
use crate::Error;
use crate::store::{Turn, TurnReply};

/// The turns of drivers that have nothing to do but to wait for new work.
///
/// Whoever enqueues a job for one of them takes its turn along: the claim is in the transaction of
/// the enqueue, so that the job starts as soon as that is on disk, without a second transaction.
#[derive(Default)]
pub(super) struct Offers {
    waiting: Mutex<BTreeMap<u64, Waiting<Turn>>>,
    next: Mutex<u64>,
}

/// A turn that waits for work; dropped, it no longer does.
pub(crate) struct Offer {
    number: u64,
    answer: oneshot::Receiver<Result<TurnReply, Error>>,
    offers: Arc<Offers>,
}

impl Offers {
    pub(super) fn add(self: &Arc<Self>, turn: Turn) -> Offer {
        let (reply, answer) = oneshot::channel();
        let number = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            *next += 1;
            *next
        };
        self.lock().insert(number, Waiting::new(turn, reply));
        Offer { number, answer, offers: Arc::clone(self) }
    }

    /// The turn that has waited the longest for work of `queue`.
    pub(super) fn take(&self, queue: &str) -> Option<Waiting<Turn>> {
        let mut waiting = self.lock();
        let (&number, _) = waiting.iter().find(|(_, one)| one.write.queue == queue)?;
        waiting.remove(&number)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Waiting<Turn>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Offer {
    /// Waits until the turn was taken, and for what came of it. Cancel safe.
    pub(crate) async fn taken(&mut self) -> Result<TurnReply, Error> {
        (&mut self.answer).await.map_err(|_| Error::closed())?
    }

    /// Takes the turn back; what came of it where it was taken already.
    pub(crate) async fn withdraw(mut self) -> Option<Result<TurnReply, Error>> {
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
