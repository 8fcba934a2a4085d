use std::collections::{HashMap, HashSet};

use tokio::time::Instant;

use super::held::Held;
use super::pace::Pace;
use crate::store::{Ack, Claimed, Report};

/// An outcome, and the kind of its job.
pub(super) type Ended = (Ack, String);

/// The jobs of a driver that run, and those of which the database does not know the end.
pub(super) struct InFlight {
    concurrency: usize,
    /// Claimed and not yet ended.
    pub(super) held: HashMap<i64, Held>,
    /// Ended and not yet told.
    pub(super) acks: Vec<Ended>,
    /// Said by jobs that have ended since.
    last_words: Vec<Report>,
    pace: Pace,
}

impl InFlight {
    pub(super) fn new(concurrency: usize) -> Self {
        InFlight {
            concurrency,
            held: HashMap::new(),
            acks: Vec::new(),
            last_words: Vec::new(),
            pace: Pace::new(concurrency),
        }
    }

    /// How many ends, or places for new jobs, are worth a question of their own.
    pub(super) fn batch(&self) -> usize {
        self.pace.batch()
    }

    /// Whether there are so many ends.
    pub(super) fn has_batch(&self) -> bool {
        self.acks.len() >= self.batch()
    }

    /// How many more ends to wait for, and how long.
    pub(super) fn waits(&mut self, now: Instant) -> Option<(usize, Instant)> {
        self.pace.waits(self.acks.len(), now)
    }

    /// The jobs that can be started with at most `most` in flight, of which `elsewhere` have ended and
    /// are being told.
    pub(super) fn room_in(&self, most: usize, elsewhere: usize) -> usize {
        let (held, untold) = (self.held.len(), self.acks.len() + elsewhere);
        self.concurrency.saturating_sub(held).min(most.saturating_sub(held + untold))
    }

    /// These are about to start. What came of earlier attempts of them counts no more, and is returned.
    pub(super) fn start(&mut self, claimed: &[Claimed], now: Instant) -> Vec<Ended> {
        self.pace.started(claimed.len(), now);
        if self.acks.is_empty() {
            return Vec::new();
        }
        let again: HashSet<i64> = claimed.iter().map(|claimed| claimed.id).collect();
        self.acks.extract_if(.., |(ack, _)| again.contains(&ack.id)).collect()
    }

    pub(super) fn end(&mut self, ack: Ack) {
        if !self.held.get(&ack.id).is_some_and(|held| held.ran(&ack)) {
            return;
        }
        let Some(mut held) = self.held.remove(&ack.id) else { return };
        self.pace.ended();
        self.last_words.extend(held.report());
        self.acks.push((ack, held.claimed.kind.clone()));
    }

    /// What was said since the last time, by those that run only if they are asked.
    pub(super) fn reports(&mut self, asks: bool) -> Vec<Report> {
        let mut reports = std::mem::take(&mut self.last_words);
        if asks {
            reports.extend(self.held.values_mut().filter_map(Held::report));
        }
        reports
    }

    /// The jobs that run, with their fences.
    pub(super) fn fences(&self) -> Vec<(i64, i64)> {
        self.held.values().map(|held| (held.claimed.id, held.claimed.fence)).collect()
    }

    /// These could not be told: they come before what has been there since.
    pub(super) fn keep(&mut self, mut acks: Vec<Ended>, reports: Vec<Report>) {
        acks.append(&mut self.acks);
        self.acks = acks;
        self.last_words.splice(..0, reports);
    }
}
