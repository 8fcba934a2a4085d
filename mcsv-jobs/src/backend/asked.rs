//! What a driver has asked of the database and not heard yet.

use std::pin::Pin;

use tokio::time::Instant;

use super::in_flight::Ended;
use crate::Error;
use crate::store::{ClaimReply, Leases, Offer, Report, SettleReply};

/// What looks for new work, with the room that it has.
pub(super) struct Looking {
    pub(super) room: usize,
    pub(super) by: By,
}

pub(super) enum By {
    /// Whoever enqueues a job.
    Offer(Offer),
    Claim(Asked<ClaimReply>),
}

/// What is being written.
pub(super) struct Telling {
    pub(super) acks: Vec<Ended>,
    pub(super) reports: Vec<Report>,
    /// The jobs whose leases are looked at, with their fences.
    pub(super) held: Vec<(i64, i64)>,
    pub(super) leases: Leases,
    pub(super) since: Instant,
    pub(super) asked: Asked<SettleReply>,
}

/// A question to the database, which was put already.
pub(super) type Asked<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

impl Looking {
    pub(super) fn is_claim(&self) -> bool {
        matches!(self.by, By::Claim(_))
    }

    /// What is left once an offer is taken back: the claim that whoever took it makes.
    pub(super) fn withdraw(self) -> Option<Self> {
        let Looking { room, by } = self;
        let by = match by {
            By::Offer(offer) if offer.withdraw() => return None,
            By::Offer(mut offer) => By::Claim(Box::pin(async move { offer.taken().await })),
            claim => claim,
        };
        Some(Looking { room, by })
    }
}

/// What came of a look for new work, of which there are two only if the first is `looking`. Cancel safe.
pub(super) async fn found(
    looking: &mut Option<Looking>,
    ahead: &mut Option<Looking>,
) -> (usize, Result<ClaimReply, Error>) {
    let (room, reply) = tokio::select! {
        found = answer(looking) => found,
        found = answer(ahead) => found,
    };
    if looking.is_none() {
        *looking = ahead.take();
    }
    (room, reply)
}

async fn answer(looking: &mut Option<Looking>) -> (usize, Result<ClaimReply, Error>) {
    let Some(Looking { room, by }) = looking else { return std::future::pending().await };
    let room = *room;
    let reply = match by {
        By::Offer(offer) => offer.taken().await,
        By::Claim(asked) => asked.await,
    };
    *looking = None;
    (room, reply)
}

/// What came of what was told. Cancel safe.
pub(super) async fn told(telling: &mut Option<Telling>) -> (Telling, Result<SettleReply, Error>) {
    let Some(asked) = telling.as_mut().map(|telling| &mut telling.asked) else {
        return std::future::pending().await;
    };
    let reply = asked.await;
    match telling.take() {
        Some(told) => (told, reply),
        None => std::future::pending().await,
    }
}
