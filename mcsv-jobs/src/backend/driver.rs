use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use mcsv_core::Backoff;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tracing::Instrument;

use super::queue_backend::QueueConfig;
use super::resent::Resent;
use super::{Delivery, rescue};
use crate::cx::{Completing, Signal};
use crate::keeper::Keeper;
use crate::progress::{Reports, reports};
use crate::registry::Registry;
use crate::settle::{Budget, Ending};
use crate::store::{Accepted, Ack, Claimed, Leases, Offer, Report, Turn, TurnReply};
use crate::wake::Bell;
use crate::{Error, JobCx, JobId, Jobs, trace};

/// How long an idle queue is left alone when nobody rings.
const POLL: Duration = Duration::from_secs(5);
/// How often is looked at what the running jobs say of themselves.
const REPORTS: Duration = Duration::from_millis(250);
/// How often other tasks get their turn in vain before the ends that there are get written.
const YIELDS: u32 = 16;
/// How long the last acks are tried for when the database does not take them.
const FLUSH: Duration = Duration::from_secs(10);

/// What a driver is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Claim, renew and ack.
    Fetching,
    /// Claim nothing more; renew and ack what runs.
    Draining,
    /// Give back what is not acked, then end.
    Ended,
}

/// The one task of a queue that speaks with the database: it claims jobs, keeps their leases and
/// writes their ends, together, so that none of the three can starve another.
pub(crate) struct Driver {
    jobs: Jobs,
    keeper: Arc<Keeper>,
    registry: Arc<Registry>,
    owner: String,
    queue: Arc<str>,
    concurrency: usize,
    lease: Duration,
    bell: Arc<Bell>,
    deliver: mpsc::Sender<Delivery>,
    ended: mpsc::UnboundedReceiver<Ack>,
    /// Claimed and not yet ended.
    held: HashMap<i64, Held>,
    /// Said by jobs that have ended since.
    last_words: Vec<Report>,
    /// Ended and not yet written.
    acks: Vec<(Ack, String)>,
    renew_at: Instant,
    report_at: Instant,
    fetch_at: Instant,
    /// After a failed turn: not before.
    pause: Option<(Instant, u32)>,
    /// Whether a failed turn may have claimed jobs all the same.
    unsure: bool,
    /// And what it may have written.
    resent: Resent,
    /// Whether the queue had limits when it was last looked.
    limited: bool,
    /// What waits for new work meanwhile.
    offer: Option<Offer>,
}

struct Held {
    claimed: Arc<Claimed>,
    signal: watch::Sender<Signal>,
    reports: Reports,
    completing: Completing,
}

impl Held {
    /// Whether `ack` is of this attempt. A claim that a crash of the server took back may come again
    /// with the same fence, while the handler of the first still runs.
    fn ran(&self, ack: &Ack) -> bool {
        (self.claimed.fence, self.claimed.started_at) == (ack.fence, ack.started_at)
    }

    fn report(&mut self) -> Option<Report> {
        let text = self.reports.take()?;
        Some(Report { id: self.claimed.id, fence: self.claimed.fence, text })
    }
}

impl Driver {
    pub(super) fn new(
        jobs: &Jobs,
        config: &QueueConfig,
        registry: &Arc<Registry>,
        deliver: mpsc::Sender<Delivery>,
        ended: mpsc::UnboundedReceiver<Ack>,
    ) -> Self {
        let keeper = jobs.keeper();
        let now = Instant::now();
        Driver {
            owner: keeper.new_owner(),
            bell: jobs.inner.bells.add(&config.queue),
            keeper,
            jobs: jobs.clone(),
            registry: Arc::clone(registry),
            queue: Arc::clone(&config.queue),
            concurrency: config.concurrency,
            lease: config.lease,
            deliver,
            ended,
            held: HashMap::new(),
            last_words: Vec::new(),
            acks: Vec::new(),
            renew_at: now + config.lease / 3,
            report_at: now,
            fetch_at: now,
            pause: None,
            unsure: false,
            resent: Resent::default(),
            limited: false,
            offer: None,
        }
    }

    pub(super) fn owner(&self) -> &str {
        &self.owner
    }

    pub(super) fn spawn(self, phase: watch::Receiver<Phase>) -> watch::Receiver<Phase> {
        let (done, ended) = watch::channel(Phase::Fetching);
        let driving = async move {
            self.drive(phase).await;
            done.send_replace(Phase::Ended);
        };
        tokio::spawn(driving.in_current_span());
        ended
    }

    async fn drive(mut self, mut phases: watch::Receiver<Phase>) {
        loop {
            let phase = *phases.borrow_and_update();
            if phase > Phase::Fetching {
                self.withdraw().await;
            }
            if phase == Phase::Ended {
                return self.finish().await;
            }
            let next = self.next_turn(phase);
            self.offer(phase, next);
            tokio::select! {
                // A backend that is gone leaves its last word behind.
                _ = phases.changed() => continue,
                Some(ack) = self.ended.recv() => self.end(ack),
                reply = taken(&mut self.offer) => {
                    self.offer = None;
                    self.joined(reply);
                }
                () = self.bell.rung() => self.fetch_at = Instant::now(),
                () = sleep_until(next) => {}
            }
            self.gather().await;
            if self.pause.is_none_or(|(until, _)| until <= Instant::now()) {
                self.turn(phase).await;
            }
        }
    }

    /// Takes what ended, and what ends as soon as the other tasks had their turn: attempts that end
    /// together share a transaction, and a yield costs a thousandth of one.
    ///
    /// Jobs that do next to nothing all end in that time. To write half of them while the other half
    /// runs would wait for the disk twice as often, and that takes longer than to run them.
    async fn gather(&mut self) {
        let mut in_vain = 0;
        while in_vain < YIELDS {
            let before = self.acks.len();
            while let Ok(ack) = self.ended.try_recv() {
                self.end(ack);
            }
            if self.acks.is_empty() || self.acks.len() >= self.concurrency {
                return;
            }
            in_vain = if self.acks.len() > before { 0 } else { in_vain + 1 };
            tokio::task::yield_now().await;
        }
    }

    /// Lets whoever enqueues a job claim it for this driver, while there is nothing else to do.
    fn offer(&mut self, phase: Phase, next: Instant) {
        let waits = self.acks.is_empty() && self.pause.is_none() && next > Instant::now();
        let wants = phase == Phase::Fetching && self.room() > 0 && !self.limited;
        if waits && wants && self.offer.is_none() {
            let turn = Turn { room: self.room(), ..self.empty_turn() };
            self.offer = self.jobs.inner.store.offer(turn);
        }
    }

    /// Takes the offer back before anything else is asked: what it claims needs the same places.
    async fn withdraw(&mut self) {
        let Some(offer) = self.offer.take() else { return };
        if let Some(reply) = offer.withdraw().await {
            self.joined(reply);
        }
    }

    /// Takes what the transaction of somebody else claimed.
    fn joined(&mut self, reply: Result<TurnReply, Error>) {
        match reply {
            // The acks that wait were not in it.
            Ok(reply) => self.found(reply),
            Err(error) => self.failed(&error),
        }
    }

    fn empty_turn(&self) -> Turn {
        Turn {
            queue: self.queue.to_string(),
            owner: self.owner.clone(),
            lease: self.lease,
            acks: Vec::new(),
            held: Vec::new(),
            leases: Leases::Leave,
            room: 0,
            reports: Vec::new(),
            is_limited: self.limited,
        }
    }

    fn next_turn(&self, phase: Phase) -> Instant {
        if let Some((until, _)) = self.pause {
            return until;
        }
        let fetches = phase == Phase::Fetching && self.room() > 0;
        let renews = !self.held.is_empty();
        let far = Instant::now() + POLL;
        let fetch_at = if fetches { self.fetch_at } else { far };
        let held_at = if renews { self.renew_at.min(self.report_at) } else { far };
        fetch_at.min(held_at).min(far)
    }

    fn room(&self) -> usize {
        self.concurrency.saturating_sub(self.held.len())
    }

    fn end(&mut self, ack: Ack) {
        if !self.held.get(&ack.id).is_some_and(|held| held.ran(&ack)) {
            return;
        }
        let Some(mut held) = self.held.remove(&ack.id) else { return };
        self.last_words.extend(held.report());
        self.acks.push((ack, held.claimed.kind.clone()));
    }

    /// What was said since the last time; a running job is only asked now and then.
    fn reports(&mut self, now: Instant) -> Vec<Report> {
        let mut reports = std::mem::take(&mut self.last_words);
        if self.report_at <= now {
            self.report_at = now + REPORTS;
            reports.extend(self.held.values_mut().filter_map(Held::report));
        }
        reports
    }

    async fn turn(&mut self, phase: Phase) {
        let news = self.bell.take_news();
        let now = Instant::now();
        let renews = self.renew_at <= now;
        // What ended makes room, whenever it does.
        let due = self.fetch_at <= now || !self.acks.is_empty();
        let claims = phase == Phase::Fetching && due;
        if claims {
            self.withdraw().await;
        }
        let reports = self.reports(now);
        let said = reports.clone();
        let turn = Turn {
            acks: self.acks.iter().map(|(ack, _)| ack.clone()).collect(),
            held: self.held.keys().copied().collect(),
            leases: if renews { Leases::Renew } else { Leases::look_if(news.changed) },
            room: if claims { self.room() } else { 0 },
            reports,
            ..self.empty_turn()
        };
        if turn.is_idle() {
            if self.fetch_at <= now {
                self.fetch_at = now + POLL;
            }
        } else {
            let looked = turn.room > 0;
            match self.jobs.inner.store.turn(turn).await {
                Ok(reply) => self.took(reply, looked),
                Err(error) => {
                    self.last_words = said;
                    self.resent.failed(&self.acks);
                    return self.failed(&error);
                }
            }
            if !said.is_empty() {
                self.jobs.inner.tell_watchers();
            }
            self.pause = None;
            if renews {
                self.renew_at = now + self.lease / 3;
            }
            self.resent.recognise(&self.jobs, &self.queue, &self.owner).await;
            if std::mem::take(&mut self.unsure) {
                let own = [self.owner.clone()];
                self.rescue(&own).await;
            }
        }
        if let Some(dead) = news.orphaned {
            self.rescue(&dead).await;
        }
    }

    /// The database is away: everything that is due stays due, and nothing spins.
    fn failed(&mut self, error: &Error) {
        let failures = self.pause.map_or(1, |(_, failures)| failures.saturating_add(1));
        let wait = Backoff::exponential(Duration::from_millis(100), Duration::from_secs(5))
            .map_or(POLL, |backoff| backoff.delay(failures));
        self.pause = Some((Instant::now() + wait, failures));
        self.unsure = true;
        let cause = error as &dyn std::error::Error;
        tracing::warn!(queue = %self.queue, error = cause, ?wait, "no turn: will try again");
    }

    fn took(&mut self, reply: TurnReply, looked: bool) {
        let wrote = std::mem::take(&mut self.acks);
        self.report(wrote, &reply.accepted);
        for queue in &reply.rung {
            self.jobs.inner.ring(queue);
        }
        if reply.limited && !reply.accepted.is_empty() {
            self.jobs.inner.ring(&self.queue);
        }
        if let Some(kept) = &reply.kept {
            self.check_leases(kept);
        }
        if looked {
            self.found(reply);
        }
    }

    /// What a look for new work found.
    fn found(&mut self, reply: TurnReply) {
        let until_due = reply.next_due.map_or(POLL, |millis| {
            Duration::from_millis(u64::try_from(millis).unwrap_or(0) + 1).min(POLL)
        });
        self.fetch_at = Instant::now() + until_due;
        self.limited = reply.limited;
        for claimed in reply.claimed {
            self.deliver(claimed);
        }
    }

    fn report(&mut self, wrote: Vec<(Ack, String)>, accepted: &[Accepted]) {
        let accepted: HashMap<i64, &Accepted> = accepted.iter().map(|one| (one.id, one)).collect();
        let mut ended = false;
        for (ack, kind) in wrote {
            let Some(accepted) = accepted.get(&ack.id) else {
                self.resent.refused(&self.queue, ack, kind);
                continue;
            };
            trace::count_finished(&self.queue, &kind, &ack.fate);
            ended |= ack.fate.state.is_finished();
            self.jobs.inner.announce(&ack.follow_ups, &accepted.follow_ups);
        }
        if ended {
            self.jobs.inner.tell_watchers();
        }
    }

    /// `kept` names the held jobs that are still ours.
    fn check_leases(&mut self, kept: &[(i64, i64, bool)]) {
        let kept: HashMap<i64, (i64, bool)> =
            kept.iter().map(|(id, fence, cancel)| (*id, (*fence, *cancel))).collect();
        for (id, held) in &self.held {
            match kept.get(id) {
                Some((fence, true)) if *fence == held.claimed.fence => {
                    held.signal.send_replace(Signal::Cancelled);
                }
                Some((fence, false)) if *fence == held.claimed.fence => {}
                // It has let go of it by itself.
                _ if held.completing.has_begun() => {}
                _ => {
                    held.signal.send_replace(Signal::LeaseLost);
                }
            }
        }
    }

    fn deliver(&mut self, claimed: Claimed) {
        let Ok(id) = JobId::new(claimed.id) else { return };
        trace::count_started(&self.queue, &claimed);
        let claimed = Arc::new(claimed);
        let (signal, signals) = watch::channel(Signal::GoOn);
        let (reporter, reports) = reports();
        let queue = Arc::clone(&self.queue);
        let cx = JobCx::new(id, queue, Arc::clone(&claimed), signals, reporter);
        let keyring = self.registry.keyring.clone();
        let completing = cx.completing();
        let held = Held { claimed: Arc::clone(&claimed), signal, reports, completing };
        if let Some(earlier) = self.held.insert(claimed.id, held) {
            earlier.signal.send_replace(Signal::LeaseLost);
        }
        // There is a place for each job that can be held, so it only fails where the worker is gone
        // or still has a job that it lost: somebody else is to have this one.
        if self.deliver.try_send(Delivery { claimed, cx, keyring }).is_err() {
            self.give_back(id.get());
        }
    }

    fn give_back(&mut self, id: i64) {
        let Some(Held { claimed, .. }) = self.held.remove(&id) else { return };
        trace::count_ended(&self.queue, &claimed.kind, Duration::ZERO);
        let policy = self.registry.policy(&claimed.kind);
        let (attempt, max_attempts) = (claimed.attempt, claimed.max_attempts);
        let budget = Budget { attempt, max_attempts, age: claimed.age, policy };
        let ack = Ack {
            id,
            fence: claimed.fence,
            started_at: claimed.started_at,
            fate: budget.settle(Ending::Released),
            follow_ups: Vec::new(),
            seen_lease: None,
            may_end_batch: claimed.batch_id.is_some(),
            may_be_done: false,
        };
        self.acks.push((ack, claimed.kind.clone()));
    }

    async fn rescue(&mut self, dead: &[String]) {
        // A claim that is under way is none of which the answer was lost.
        self.withdraw().await;
        let known = |id| self.held.contains_key(&id) || self.acks.iter().any(|(a, _)| a.id == id);
        let Driver { jobs, registry, queue, owner, .. } = self;
        match rescue::orphans(jobs, registry, queue, owner, dead, known).await {
            Ok(acks) => {
                if !acks.is_empty() {
                    self.fetch_at = Instant::now();
                }
                self.acks.extend(acks);
            }
            Err(error) => self.failed(&error),
        }
    }

    /// Gives back what is still held, without an attempt used up, and writes the last acks.
    async fn finish(mut self) {
        self.ended.close();
        while let Some(ack) = self.ended.recv().await {
            self.end(ack);
        }
        for id in self.held.keys().copied().collect::<Vec<_>>() {
            self.give_back(id);
        }
        let until = Instant::now() + FLUSH;
        while !self.acks.is_empty() && Instant::now() < until {
            if let Some((at, _)) = self.pause {
                sleep_until(at).await;
            }
            self.turn(Phase::Draining).await;
        }
        if !self.acks.is_empty() {
            // Their leases run out and they run again: late, not lost.
            tracing::error!(queue = %self.queue, jobs = self.acks.len(), "outcomes not written");
        }
        drop(self.keeper);
    }
}

/// What came of an offer once somebody took it.
async fn taken(offer: &mut Option<Offer>) -> Result<TurnReply, Error> {
    match offer {
        Some(offer) => offer.taken().await,
        None => std::future::pending().await,
    }
}
