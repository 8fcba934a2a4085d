use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::store::Ack;

/// The ends of attempts, on their way from whoever runs them to the driver.
///
/// It is woken once there are as many as it waits for: jobs that do next to nothing end faster than a
/// task wakes up.
#[derive(Default)]
pub(crate) struct Ends {
    gathered: Mutex<Gathered>,
    enough: Notify,
}

#[derive(Default)]
struct Gathered {
    acks: Vec<Ack>,
    /// How many the driver waits for; none when it does not wait.
    wanted: Option<usize>,
    is_closed: bool,
}

impl Ends {
    /// Without a driver there is nobody to tell: the lease runs out and the job runs again.
    pub(crate) fn push(&self, ack: Ack) {
        let mut gathered = self.lock();
        if gathered.is_closed {
            return;
        }
        gathered.acks.push(ack);
        let count = gathered.acks.len();
        if gathered.wanted.take_if(|wanted| count >= *wanted).is_some() {
            self.enough.notify_one();
        }
    }

    /// Those that there are.
    pub(crate) fn take(&self) -> Vec<Ack> {
        std::mem::take(&mut self.lock().acks)
    }

    /// The last ones; what ends later is dropped.
    pub(super) fn close(&self) -> Vec<Ack> {
        let mut gathered = self.lock();
        gathered.is_closed = true;
        std::mem::take(&mut gathered.acks)
    }

    /// Waits until there are `wanted`. Cancel safe, and for one task at a time.
    pub(super) async fn reach(&self, wanted: usize) {
        while !self.has(wanted) {
            self.enough.notified().await;
        }
    }

    fn has(&self, wanted: usize) -> bool {
        let mut gathered = self.lock();
        let has = gathered.acks.len() >= wanted;
        gathered.wanted = (!has).then_some(wanted);
        has
    }

    fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
