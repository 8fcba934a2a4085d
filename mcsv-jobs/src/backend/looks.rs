//! The looks for new work that are under way, and when the next one is due.

use std::time::Duration;

use tokio::time::Instant;

use super::setback::Setback;
use super::telling::Asked;
use crate::new_job::from_millis;
use crate::store::{Claim, ClaimReply, Offer};
use crate::{Error, Jobs};

/// How long an idle queue is left alone when nobody rings.
pub(super) const POLL: Duration = Duration::from_secs(5);

/// What looks for new work, with the room that it has.
struct Look {
    room: usize,
    by: By,
}

enum By {
    /// Whoever enqueues a job.
    Offer(Offer),
    Claim(Asked<ClaimReply>),
}

/// What a driver asks for new work, how that went, and when it is to ask again.
pub(super) struct Looks {
    under_way: Option<Look>,
    /// A claim beside the one that is under way.
    ahead: Option<Look>,
    due_at: Instant,
    /// Whether the last one took all that it had room for, so that there may be more.
    more: bool,
    /// Whether the queue had limits then.
    limited: bool,
    setback: Setback,
}

impl Looks {
    pub(super) fn new(now: Instant) -> Self {
        Looks {
            under_way: None,
            ahead: None,
            due_at: now,
            more: false,
            limited: false,
            setback: Setback::default(),
        }
    }

    /// There may be something to claim at that time.
    pub(super) fn due_by(&mut self, at: Instant) {
        self.due_at = self.due_at.min(at);
    }

    /// When to look, where there is room; none while a claim is under way.
    pub(super) fn next(&self) -> Option<Instant> {
        (!self.is_claiming()).then(|| self.setback.not_before(self.due_at))
    }

    pub(super) fn is_due(&self) -> bool {
        self.due_at <= Instant::now()
    }

    /// Whether there may be more of what the last look found.
    pub(super) fn has_more(&self) -> bool {
        self.more
    }

    pub(super) fn is_limited(&self) -> bool {
        self.limited
    }

    /// Whether the database may be asked: it has not just failed to answer.
    pub(super) fn may_ask(&self) -> bool {
        self.setback.is_over()
    }

    pub(super) fn is_claiming(&self) -> bool {
        self.under_way.as_ref().is_some_and(Look::is_claim)
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// Whether what is under way has less room than that.
    pub(super) fn is_outgrown(&self, room: usize) -> bool {
        self.under_way.as_ref().is_some_and(|look| look.room < room)
    }

    /// The room of the one claim that is under way, if a second one may join it.
    pub(super) fn beside(&self) -> Option<usize> {
        let first = self.under_way.as_ref().filter(|look| look.is_claim())?;
        self.ahead.is_none().then_some(first.room)
    }

    /// Claims, beside what is under way if anything is.
    pub(super) fn claim(&mut self, jobs: &Jobs, claim: Claim) {
        let (jobs, room) = (jobs.clone(), claim.room);
        let asked = Box::pin(async move { jobs.inner.store.claim(claim).await });
        let place = if self.under_way.is_some() { &mut self.ahead } else { &mut self.under_way };
        *place = Some(Look { room, by: By::Claim(asked) });
    }

    /// Lets whoever enqueues a job make this claim.
    pub(super) fn offer(&mut self, jobs: &Jobs, claim: Claim) {
        let room = claim.room;
        self.under_way = Some(Look { room, by: By::Offer(jobs.inner.store.offer(claim)) });
    }

    /// Takes an offer back: what it claims needs the same places. One that is taken is a claim under way.
    pub(super) fn withdraw(&mut self) {
        self.under_way = self.under_way.take().and_then(Look::withdraw);
    }

    /// What came of one, and the room that it had. Cancel safe.
    pub(super) async fn found(&mut self) -> (usize, Result<ClaimReply, Error>) {
        let found = tokio::select! {
            found = answer(&mut self.under_way) => found,
            found = answer(&mut self.ahead) => found,
        };
        // There are two only if the first is `under_way`.
        if self.under_way.is_none() {
            self.under_way = self.ahead.take();
        }
        found
    }

    /// One with this room was answered at `now`.
    pub(super) fn answered(&mut self, room: usize, reply: &ClaimReply, now: Instant) {
        self.setback.clear();
        let until_due = reply
            .next_due
            .map_or(POLL, |millis| (from_millis(millis) + Duration::from_millis(1)).min(POLL));
        self.due_at = now + until_due;
        self.more = reply.claimed.len() >= room;
        self.limited = reply.limited;
    }

    /// The database did not do what it was asked. How long to wait now.
    pub(super) fn failed(&mut self) -> Duration {
        self.due_at = Instant::now();
        self.setback.add()
    }
}

impl Look {
    fn is_claim(&self) -> bool {
        matches!(self.by, By::Claim(_))
    }

    /// What is left once an offer is taken back: the claim that whoever took it makes.
    fn withdraw(self) -> Option<Self> {
        let Look { room, by } = self;
        let by = match by {
            By::Offer(offer) if offer.withdraw() => return None,
            By::Offer(mut offer) => By::Claim(Box::pin(async move { offer.taken().await })),
            claim => claim,
        };
        Some(Look { room, by })
    }
}

async fn answer(look: &mut Option<Look>) -> (usize, Result<ClaimReply, Error>) {
    let Some(Look { room, by }) = look else { return std::future::pending().await };
    let room = *room;
    let reply = match by {
        By::Offer(offer) => offer.taken().await,
        By::Claim(asked) => asked.await,
    };
    *look = None;
    (room, reply)
}
