use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::Instrument;

use super::ends::Ends;
use super::held::{Held, check_leases};
use super::in_flight::{Ended, InFlight};
use super::locked::Locked;
use super::looks::{Looks, POLL};
use super::queue_backend::QueueConfig;
use super::rescue::Suspects;
use super::resent::Resent;
use super::setback::Setback;
use super::telling::{Telling, told};
use super::{Delivery, rescue};
use crate::cx::Signal;
use crate::keeper::Keeper;
use crate::new_job::from_millis;
use crate::registry::Registry;
use crate::settle::{Budget, Ending};
use crate::store::{
    Accepted, Ack, Claim, ClaimReply, Claimed, Leases, Report, Settle, SettleReply,
};
use crate::wake::Bell;
use crate::{Error, JobId, Jobs, trace};

/// How often is looked at what the running jobs say of themselves.
const REPORTS: Duration = Duration::from_millis(250);
/// How often other tasks get their turn in vain before the ends that there are get written.
const YIELDS: u32 = 16;
/// How soon leases are renewed again of which the rows were locked: within the grace of a rescuer.
const HELD_UP: Duration = Duration::from_millis(50);
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
/// writes their ends.
///
/// It asks for two things at a time and waits for neither: for new work, and for what there is to
/// tell. So the jobs of the next claim run while the ends of the last one get to the disk.
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
    ended: Arc<Ends>,
    flight: InFlight,
    renew_at: Instant,
    report_at: Instant,
    looks: Looks,
    telling: Option<Telling>,
    no_settle: Setback,
    /// Another connection wrote: a running job may have been called off.
    changed: bool,
    /// The owners whose jobs are to be rescued, and those whose leases have run out.
    orphaned: Option<Vec<String>>,
    suspects: Suspects,
    /// What a failed settlement may have written.
    resent: Resent,
    locked: Locked,
}

impl Driver {
    pub(super) fn new(
        jobs: &Jobs,
        config: &QueueConfig,
        registry: &Arc<Registry>,
        deliver: mpsc::Sender<Delivery>,
        ended: Arc<Ends>,
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
            flight: InFlight::new(config.concurrency),
            renew_at: now,
            report_at: now,
            looks: Looks::new(now),
            telling: None,
            no_settle: Setback::default(),
            changed: false,
            orphaned: None,
            suspects: Suspects::default(),
            resent: Resent::default(),
            locked: Locked::default(),
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
            if phase == Phase::Ended {
                return self.finish().await;
            }
            if self.suspects.again_at().is_some_and(|at| at <= Instant::now()) {
                self.orphaned.get_or_insert_default();
            }
            self.rescue().await;
            self.take_ends();
            let waits = self.flight.waits(Instant::now());
            if waits.is_none() || self.room() >= self.flight.batch() {
                self.look(phase);
            }
            if waits.is_none() {
                self.tell();
            }
            let (wanted, until) = waits.unwrap_or((1, self.next_turn(phase)));
            tokio::select! {
                // A backend that is gone leaves its last word behind.
                _ = phases.changed() => {}
                () = self.ended.reach(wanted) => self.gather().await,
                (room, reply) = self.looks.found() => self.found(room, reply, phase),
                (told, reply) = told(&mut self.telling) => self.told(told, reply).await,
                () = self.bell.rung() => self.hear(),
                () = sleep_until(until) => {}
            }
        }
    }

    /// Takes what ends as soon as the other tasks had their turn: attempts that end together share a
    /// transaction, and a yield costs a thousandth of one.
    ///
    /// Jobs that do next to nothing all end in that time. To write half of them while the other half
    /// runs would wait for the disk twice as often, and that takes longer than to run them.
    async fn gather(&mut self) {
        let mut in_vain = 0;
        while in_vain < YIELDS {
            let before = self.flight.acks.len();
            self.take_ends();
            if self.flight.has_batch() {
                return;
            }
            in_vain = if self.flight.acks.len() > before { 0 } else { in_vain + 1 };
            tokio::task::yield_now().await;
        }
    }

    fn take_ends(&mut self) {
        for ack in self.ended.take() {
            self.flight.end(ack);
        }
    }

    fn hear(&mut self) {
        let news = self.bell.take_news();
        self.changed |= news.changed;
        if let Some(dead) = news.orphaned {
            self.orphaned.get_or_insert_default().extend(dead);
        }
        self.looks.due_by(Instant::now());
    }

    fn next_turn(&self, phase: Phase) -> Instant {
        let now = Instant::now();
        let far = now + POLL;
        let looks = phase == Phase::Fetching && self.room() > 0;
        let look_at = self.looks.next().filter(|_| looks).unwrap_or(far);
        let tell_at = if self.telling.is_some() {
            far
        } else if !self.flight.acks.is_empty() {
            self.no_settle.not_before(now)
        } else {
            let held_at = self.renew_at.min(self.report_at);
            let held_at = if self.flight.held.is_empty() { far } else { held_at };
            self.no_settle.not_before(held_at.min(self.locked.again_at().unwrap_or(far)))
        };
        // What is to be rescued already waits for something else.
        let suspects_at = self.suspects.again_at().filter(|_| self.orphaned.is_none());
        look_at.min(tell_at).min(suspects_at.unwrap_or(far)).min(far)
    }

    /// How many jobs have ended without the database knowing it.
    fn untold(&self) -> usize {
        self.flight.acks.len() + self.untold_elsewhere()
    }

    fn untold_elsewhere(&self) -> usize {
        let telling = self.telling.as_ref().map_or(0, |told| told.acks.len());
        telling + self.locked.acks().len()
    }

    /// Whether what is being written is to be known first.
    ///
    /// A worker with places for a batch does not wait for the disk: that is for jobs that take less time
    /// than it does. Otherwise the ends and the places that they make are one transaction, and as many jobs
    /// are in flight as can run.
    fn waits_for_ends(&self) -> bool {
        self.telling.is_some() && self.room_in(2 * self.concurrency) < self.flight.batch()
    }

    /// The jobs that can be started, those of a claim that is under way among them.
    fn room(&self) -> usize {
        self.room_beside(0)
    }

    /// The jobs that can be started beside so many.
    fn room_beside(&self, others: usize) -> usize {
        let most = if self.waits_for_ends() { self.concurrency } else { 2 * self.concurrency };
        self.room_in(most).saturating_sub(others).min(self.flight.batch())
    }

    fn room_in(&self, most: usize) -> usize {
        self.flight.room_in(most, self.untold_elsewhere())
    }

    /// Asks for new work, or lets whoever enqueues a job claim it for this driver while there is none.
    fn look(&mut self, phase: Phase) {
        if phase > Phase::Fetching {
            return self.looks.withdraw();
        }
        // In a queue with limits the end of a job makes room only once it is written.
        let more = self.looks.has_more() && !self.looks.is_limited() && !self.waits_for_ends();
        let due = self.looks.is_due() || more;
        if due || self.looks.is_outgrown(self.room()) {
            self.looks.withdraw();
        }
        if !self.looks.may_ask() {
            return;
        }
        if self.looks.is_under_way() {
            return self.look_ahead(more);
        }
        let room = self.room();
        if room == 0 {
            return;
        }
        if due {
            self.looks.claim(&self.jobs, self.claim_of(room));
        } else if !self.looks.is_limited() {
            self.looks.offer(&self.jobs, self.claim_of(room));
        }
    }

    /// Claims a second batch while the database is at the first, where there are places and jobs for both
    /// and it can do so.
    fn look_ahead(&mut self, more: bool) {
        let Some(first) = self.looks.beside() else { return };
        let room = self.room_beside(first);
        // Orphans are looked for when no claim is under way.
        let is_worth_it = more && self.orphaned.is_none() && room >= self.flight.batch();
        if is_worth_it && self.jobs.inner.store.claims_together() {
            self.looks.claim(&self.jobs, self.claim_of(room));
        }
    }

    fn claim_of(&self, room: usize) -> Claim {
        Claim {
            queue: self.queue.to_string(),
            owner: self.owner.clone(),
            lease: self.lease,
            room,
            is_sure: self.looks.has_more(),
            is_urgent: self.flight.held.is_empty(),
            is_limited: self.looks.is_limited(),
        }
    }

    /// What a look for new work found.
    fn found(&mut self, room: usize, reply: Result<ClaimReply, Error>, phase: Phase) {
        let reply = match reply {
            Ok(reply) => reply,
            Err(error) => {
                let wait = self.looks.failed();
                self.warn("no claim", &error, wait);
                // It may have claimed jobs all the same.
                self.orphaned.get_or_insert_default().push(self.owner.clone());
                return;
            }
        };
        let now = Instant::now();
        self.looks.answered(room, &reply, now);
        if self.flight.held.is_empty() {
            self.renew_at = now + self.lease / 3;
        }
        for (ack, kind) in self.flight.start(&reply.claimed, now) {
            self.resent.refused(&self.queue, ack, kind);
        }
        for claimed in reply.claimed {
            self.deliver(claimed, phase);
        }
    }

    /// Writes what there is to tell, unless something is being written.
    fn tell(&mut self) {
        if self.telling.is_some() || !self.no_settle.is_over() {
            return;
        }
        let locked = self.locked.take_due();
        let around_locks = self.no_settle.is_on() || !locked.is_empty();
        self.flight.acks.extend(locked);
        let since = Instant::now();
        let leases = if self.renew_at <= since {
            Leases::Renew
        } else if self.changed {
            Leases::Look
        } else {
            Leases::Leave
        };
        let reports = self.reports(since);
        let mut held = Vec::new();
        if leases != Leases::Leave {
            self.changed = false;
            held = self.flight.fences();
        }
        let settle = Settle {
            owner: self.owner.clone(),
            lease: self.lease,
            acks: self.flight.acks.iter().map(|(ack, _)| ack.clone()).collect(),
            held: held.iter().map(|(id, _)| *id).collect(),
            leases,
            reports: reports.clone(),
            around_locks,
        };
        if settle.is_empty() {
            return;
        }
        let jobs = self.jobs.clone();
        let asked = Box::pin(async move { jobs.inner.store.settle(settle).await });
        let acks = std::mem::take(&mut self.flight.acks);
        self.telling = Some(Telling { acks, reports, held, leases, since, asked });
    }

    /// What was said since the last time; a running job is only asked now and then.
    fn reports(&mut self, now: Instant) -> Vec<Report> {
        let asks = self.report_at <= now;
        if asks {
            self.report_at = now + REPORTS;
        }
        self.flight.reports(asks)
    }

    async fn told(&mut self, told: Telling, reply: Result<SettleReply, Error>) {
        let Telling { acks, reports, held, leases, since, .. } = told;
        let reply = match reply {
            Ok(reply) => reply,
            // Everything that is due stays due.
            Err(error) => {
                let wait = self.no_settle.add();
                self.warn("outcomes not written", &error, wait);
                self.resent.failed(&acks);
                self.flight.keep(acks, reports);
                self.changed |= leases == Leases::Look;
                return;
            }
        };
        self.no_settle.clear();
        let acks = self.locked.keep(acks, &reply.locked);
        self.report(acks, &reply.accepted);
        self.jobs.inner.announce_completions(&reply.completions);
        if self.looks.is_limited() && !reply.accepted.is_empty() {
            self.jobs.inner.ring(&self.queue);
        }
        if let Some(kept) = &reply.kept {
            check_leases(&self.flight.held, &held, kept);
        }
        if leases == Leases::Renew {
            let next = self.lease / 3;
            self.renew_at = since + if reply.held_up { next.min(HELD_UP) } else { next };
        }
        if !reports.is_empty() {
            self.jobs.inner.tell_watchers();
        }
        let untold = self.locked.acks();
        self.resent.recognise(&self.jobs, &self.queue, &self.owner, untold).await;
    }

    /// The database is away: nothing spins.
    fn warn(&self, what: &'static str, error: &Error, wait: Duration) {
        let cause = error as &dyn std::error::Error;
        tracing::warn!(queue = %self.queue, error = cause, ?wait, "{what}: will try again");
    }

    fn report(&mut self, wrote: Vec<Ended>, accepted: &[Accepted]) {
        let accepted: HashMap<i64, &Accepted> = accepted.iter().map(|one| (one.id, one)).collect();
        let mut ended = false;
        for (ack, kind) in wrote {
            let Some(accepted) = accepted.get(&ack.id) else {
                self.resent.refused(&self.queue, ack, kind);
                continue;
            };
            trace::count_finished(&self.queue, &kind, &ack.fate);
            if ack.fate.state.is_finished() {
                ended = true;
            } else {
                // It is due again then, of which no look for work knows.
                let delay = from_millis(ack.fate.delay);
                self.looks.due_by(Instant::now() + delay);
            }
            self.jobs.inner.announce(&ack.follow_ups, &accepted.follow_ups);
        }
        if ended {
            self.jobs.inner.tell_watchers();
        }
    }

    fn deliver(&mut self, claimed: Claimed, phase: Phase) {
        let Ok(id) = JobId::new(claimed.id) else { return };
        trace::count_started(&self.queue, &claimed);
        let (held, cx) = Held::new(id, &self.queue, claimed);
        let claimed = Arc::clone(&held.claimed);
        let keyring = self.registry.keyring.clone();
        if let Some(earlier) = self.flight.held.insert(claimed.id, held) {
            earlier.signal.send_replace(Signal::LeaseLost);
        }
        // There is a place for each job that can be held, so it only fails where the worker is gone
        // or still has a job that it lost: somebody else is to have this one.
        let starts = phase == Phase::Fetching;
        if !starts || self.deliver.try_send(Delivery { claimed, cx, keyring }).is_err() {
            self.give_back(id.get());
        }
    }

    fn give_back(&mut self, id: i64) {
        let Some(Held { claimed, .. }) = self.flight.held.remove(&id) else { return };
        trace::count_given_back(&self.queue, &claimed.kind);
        let policy = self.registry.policy(&claimed.kind);
        let (attempt, max_attempts) = (claimed.attempt, claimed.max_attempts);
        let budget = Budget { attempt, max_attempts, age: claimed.age, policy };
        let ack = Ack::of(&claimed, budget.settle(Ending::Released));
        self.flight.acks.push((ack, claimed.kind.clone()));
    }

    /// Takes over the jobs of lost workers, and what was claimed for this one without its knowledge.
    async fn rescue(&mut self) {
        // A claim that is under way is none of which the answer was lost.
        if self.orphaned.is_none() || self.looks.is_claiming() || !self.looks.may_ask() {
            return;
        }
        self.looks.withdraw();
        if self.looks.is_under_way() {
            return;
        }
        let Some(dead) = self.orphaned.take() else { return };
        let told = self.telling.iter().flat_map(|told| &told.acks);
        let untold = self.flight.acks.iter().chain(told).chain(self.locked.acks());
        let untold: HashSet<i64> = untold.map(|(ack, _)| ack.id).collect();
        let known = |id| self.flight.held.contains_key(&id) || untold.contains(&id);
        let Driver { jobs, registry, queue, owner, suspects, .. } = self;
        match rescue::orphans(jobs, registry, queue, owner, &dead, known, suspects).await {
            Ok(acks) => self.flight.acks.extend(acks),
            Err(error) => {
                let wait = self.looks.failed();
                self.warn("no rescue", &error, wait);
                self.orphaned = Some(dead);
            }
        }
    }

    /// Gives back what is still held, without an attempt used up, and writes the last acks.
    async fn finish(mut self) {
        let until = Instant::now() + FLUSH;
        self.looks.withdraw();
        for ack in self.ended.close() {
            self.flight.end(ack);
        }
        while self.looks.is_under_way()
            && let Ok((room, reply)) = timeout_at(until, self.looks.found()).await
        {
            self.found(room, reply, Phase::Ended);
        }
        for id in self.flight.held.keys().copied().collect::<Vec<_>>() {
            self.give_back(id);
        }
        while self.untold() > 0 && Instant::now() < until {
            self.tell();
            let next = self.next_turn(Phase::Ended).min(until);
            tokio::select! {
                (told, reply) = told(&mut self.telling) => self.told(told, reply).await,
                () = sleep_until(next) => {}
            }
        }
        if let Err(error) = self.jobs.inner.store.sync().await {
            let cause = &error as &dyn std::error::Error;
            tracing::warn!(queue = %self.queue, error = cause, "the last outcomes may not be on disk");
        }
        let untold = self.untold();
        if untold > 0 {
            // Their leases run out and they run again: late, not lost.
            tracing::error!(queue = %self.queue, jobs = untold, "outcomes not written");
        }
        drop(self.keeper);
    }
}
