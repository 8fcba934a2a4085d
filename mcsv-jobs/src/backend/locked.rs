use std::time::Duration;

use tokio::time::Instant;

use super::in_flight::Ended;

/// How long a row that somebody has locked is left alone.
const AGAIN: Duration = Duration::from_secs(1);

/// Outcomes that could not be written because somebody has locked the rows of their jobs, with the kinds
/// of these.
#[derive(Default)]
pub(super) struct Locked {
    acks: Vec<Ended>,
    again_at: Option<Instant>,
}

impl Locked {
    /// Keeps those of `acks` that are of these jobs, and returns the others.
    pub(super) fn keep(&mut self, acks: Vec<Ended>, jobs: &[i64]) -> Vec<Ended> {
        if jobs.is_empty() {
            return acks;
        }
        let (locked, free) = acks.into_iter().partition(|(ack, _)| jobs.contains(&ack.id));
        self.acks.extend::<Vec<_>>(locked);
        self.again_at = Some(Instant::now() + AGAIN);
        free
    }

    /// What is to be tried again, if it is time.
    pub(super) fn take_due(&mut self) -> Vec<Ended> {
        if self.again_at.is_some_and(|at| at <= Instant::now()) {
            self.again_at = None;
            return std::mem::take(&mut self.acks);
        }
        Vec::new()
    }

    pub(super) fn again_at(&self) -> Option<Instant> {
        self.again_at
    }

    pub(super) fn acks(&self) -> &[Ended] {
        &self.acks
    }
}
