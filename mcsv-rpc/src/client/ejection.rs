use std::time::Duration;

use tokio::time::Instant;

/// Whether an endpoint gets calls: out after failures in a row, back by way of one call.
///
/// ```text
///          FAILURES in a row            its time is over: one call
///   in ────────────────────────► out ─────────────────────────────► probed
///   ▲                             ▲                                   │  │
///   │                             └──── that fails: out for longer ───┘  │
///   └────────────────────────── that goes well ─────────────────────────┘
/// ```
#[derive(Debug, Default)]
pub(crate) struct Ejection {
    failures: u32,
    /// How often in a row it was put out: its time doubles with each.
    times: u32,
    out: Option<Out>,
    back_since: Option<Instant>,
}

#[derive(Debug)]
struct Out {
    until: Instant,
    probed: bool,
}

impl Ejection {
    /// The failures in a row after which an endpoint gets no more calls.
    pub(crate) const FAILURES: u32 = 5;
    /// How long it is out at first, and at most.
    pub(crate) const FIRST: Duration = Duration::from_secs(1);
    pub(crate) const MAX: Duration = Duration::from_secs(60);

    pub(crate) fn is_out(&self) -> bool {
        self.out.is_some()
    }

    /// Whether the next call may go there as the one that finds out.
    pub(crate) fn awaits_probe(&self, now: Instant) -> bool {
        self.out.as_ref().is_some_and(|out| !out.probed && out.until <= now)
    }

    /// A call goes there.
    pub(crate) fn picked(&mut self, now: Instant) {
        if let Some(out) = &mut self.out {
            out.probed |= out.until <= now;
        }
    }

    /// A call went well, whoever sent it there: the endpoint is back.
    pub(crate) fn succeeded(&mut self, now: Instant) {
        self.failures = 0;
        if self.out.take().is_some() {
            self.back_since = Some(now);
        }
    }

    /// A call failed; `may_leave` says whether enough others remain.
    pub(crate) fn failed(&mut self, now: Instant, may_leave: bool) {
        self.failures = self.failures.saturating_add(1);
        match &self.out {
            // Calls that were under way when it was put out tell nothing new.
            Some(out) if out.until > now => {}
            Some(_) => self.leave(now),
            None if self.failures >= Self::FAILURES && may_leave => self.leave(now),
            None => {}
        }
    }

    /// A call ended without a verdict, as when its caller gave up: the next one is to find out.
    pub(crate) fn unsure(&mut self) {
        if let Some(out) = &mut self.out {
            out.probed = false;
        }
    }

    fn leave(&mut self, now: Instant) {
        let steady = |since: Instant| now.saturating_duration_since(since) > Self::MAX;
        if self.out.is_none() && self.back_since.is_some_and(steady) {
            self.times = 0;
        }
        let time = Self::FIRST.saturating_mul(1 << self.times.min(6)).min(Self::MAX);
        self.times = self.times.saturating_add(1);
        self.out = Some(Out { until: now + time, probed: false });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For how long an endpoint is out that fails each of its probes.
    #[test]
    fn an_endpoint_that_stays_down_is_out_for_twice_as_long_each_time() {
        let mut now = Instant::now();
        let mut ejection = Ejection::default();
        for _ in 0..Ejection::FAILURES {
            assert!(!ejection.is_out());
            ejection.failed(now, true);
        }
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert!(!ejection.awaits_probe(now + Duration::from_millis(seconds * 1000 - 1)));
            now += Duration::from_secs(seconds);
            assert!(ejection.awaits_probe(now), "{seconds}");
            ejection.picked(now);
            assert!(!ejection.awaits_probe(now), "one call at a time");
            ejection.failed(now, true);
        }
    }

    #[test]
    fn one_good_call_brings_it_back() {
        let now = Instant::now();
        let mut ejection = Ejection::default();
        (0..Ejection::FAILURES).for_each(|_| ejection.failed(now, true));
        ejection.succeeded(now);
        assert!(!ejection.is_out());
        ejection.failed(now, true);
        assert!(!ejection.is_out());
    }

    #[test]
    fn a_probe_that_is_given_up_is_made_again() {
        let mut now = Instant::now();
        let mut ejection = Ejection::default();
        (0..Ejection::FAILURES).for_each(|_| ejection.failed(now, true));
        now += Ejection::FIRST;
        ejection.picked(now);
        ejection.unsure();
        assert!(ejection.awaits_probe(now));
    }

    #[test]
    fn the_last_ones_stay() {
        let now = Instant::now();
        let mut ejection = Ejection::default();
        (0..100).for_each(|_| ejection.failed(now, false));
        assert!(!ejection.is_out());
    }
}
