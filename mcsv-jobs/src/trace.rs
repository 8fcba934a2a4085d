//! The spans and the numbers that the queue emits.

use std::collections::BTreeSet;
use std::time::Duration;

use mcsv_core::{TraceContext, link_span};
use metrics::{counter, gauge, histogram};
use tracing::{Span, info_span};

use crate::store::{Claimed, Fate, Inserted, Row};
use crate::{Depth, JobCx, NewJob, State};

/// The context that a new job carries: a producer's span under the trace that it was made in.
pub(crate) fn of_new(job: &NewJob) -> TraceContext {
    let made_in = job.trace.clone().or_else(TraceContext::current);
    produced(&job.queue, job.kind, made_in.as_ref())
}

/// The same of the next job of a chain, which is made by the attempt before it.
pub(crate) fn of_row(row: &Row) -> TraceContext {
    produced(&row.queue, &row.kind, TraceContext::current().as_ref())
}

fn produced(queue: &str, kind: &str, made_in: Option<&TraceContext>) -> TraceContext {
    let span = info_span!(
        "enqueue",
        otel.name = format!("send {queue}"),
        otel.kind = "producer",
        messaging.system = "mcsv_jobs",
        messaging.operation.type = "send",
        messaging.destination.name = queue,
        mcsv.job.kind = kind,
    );
    TraceContext::for_span(&span, made_in)
}

/// The span around one attempt, and its context: a child of the enqueue's, or linked to it.
pub(crate) fn attempt_span(cx: &JobCx, worker: &str, child: bool) -> (Span, TraceContext) {
    let enqueued = cx.trace();
    let parent = if child { Span::current().id() } else { None };
    let span = info_span!(
        parent: parent,
        "job",
        otel.name = format!("process {}", cx.queue()),
        otel.kind = "consumer",
        messaging.system = "mcsv_jobs",
        messaging.operation.type = "process",
        messaging.destination.name = cx.queue(),
        messaging.message.id = %cx.id(),
        messaging.client.id = worker,
        mcsv.job.kind = cx.kind(),
        mcsv.job.attempt = cx.attempt(),
        trace_id = tracing::field::Empty,
        error.type = tracing::field::Empty,
    );
    // The link is always there, so that whoever follows links finds every attempt.
    link_span(&span, &enqueued);
    let context =
        if child { TraceContext::for_span(&span, Some(&enqueued)) } else { root_of(&span) };
    span.record("trace_id", tracing::field::display(context.trace_id()));
    (span, context)
}

/// The context of a span that begins a trace, also where this task runs in another.
fn root_of(span: &Span) -> TraceContext {
    let root = TraceContext::random_root();
    let context = root.in_scope(|| TraceContext::for_span(span, None));
    if context.trace_id() == root.trace_id() { root } else { context }
}

pub(crate) fn count_enqueued(rows: &[Row], inserted: &[Inserted]) {
    for (row, _) in rows.iter().zip(inserted).filter(|(_, one)| one.is_new) {
        counter!("jobs_enqueued_total", "queue" => row.queue.clone(), "kind" => row.kind.clone())
            .increment(1);
    }
}

pub(crate) fn count_started(queue: &str, job: &Claimed) {
    let waited = u64::try_from(job.started_at - job.scheduled_at).unwrap_or(0);
    let labels = [("queue", queue.to_owned()), ("kind", job.kind.clone())];
    histogram!("jobs_wait_seconds", &labels).record(Duration::from_millis(waited));
    gauge!("jobs_in_flight", &labels).increment(1.0);
}

/// An attempt is over for this worker, whatever the database will say.
pub(crate) fn count_ended(queue: &str, kind: &str, ran: Duration) {
    let labels = [("queue", queue.to_owned()), ("kind", kind.to_owned())];
    gauge!("jobs_in_flight", &labels).decrement(1.0);
    histogram!("jobs_run_seconds", &labels).record(ran);
}

/// An attempt is given back: how long it would have run is not known.
pub(crate) fn count_given_back(queue: &str, kind: &str) {
    gauge!("jobs_in_flight", "queue" => queue.to_owned(), "kind" => kind.to_owned()).decrement(1.0);
}

/// An attempt's end is in the database.
pub(crate) fn count_finished(queue: &str, kind: &str, fate: &Fate) {
    let labels = [
        ("queue", queue.to_owned()),
        ("kind", kind.to_owned()),
        ("outcome", fate.transition.as_str().to_owned()),
    ];
    counter!("jobs_finished_total", &labels).increment(1);
}

pub(crate) fn count_rescued(queue: &str, kind: &str) {
    counter!("jobs_rescued_total", "queue" => queue.to_owned(), "kind" => kind.to_owned())
        .increment(1);
}

pub(crate) fn count_lease_lost(queue: &str, kind: &str) {
    counter!("jobs_lease_lost_total", "queue" => queue.to_owned(), "kind" => kind.to_owned())
        .increment(1);
}

/// Whose depth a gauge tells: queue, kind and state.
pub(crate) type Gauged = (String, String, State);

/// Sets the gauges; what was `seen` before and is empty now becomes zero.
pub(crate) fn gauge_depths(depths: &[Depth], seen: &mut BTreeSet<Gauged>) {
    for gone in std::mem::take(seen) {
        if !depths.iter().any(|depth| gauged(depth) == gone) {
            gauge_depth(&gone, 0, Duration::ZERO);
        }
    }
    for depth in depths {
        gauge_depth(&gauged(depth), depth.count, depth.oldest);
        seen.insert(gauged(depth));
    }
}

fn gauged(depth: &Depth) -> Gauged {
    (depth.queue.clone(), depth.kind.clone(), depth.state)
}

fn gauge_depth((queue, kind, state): &Gauged, count: u64, oldest: Duration) {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let labels = [("queue", queue.clone()), ("kind", kind.clone())];
    let [of_queue, of_kind] = labels.clone();
    let of_state = ("state", state.as_str().to_owned());
    gauge!("jobs_queue_depth", &[of_queue, of_kind, of_state]).set(f64::from(count));
    if *state == State::Available {
        gauge!("jobs_oldest_age_seconds", &labels).set(oldest.as_secs_f64());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::{Arc, Mutex};

    use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, SharedString, Unit};

    use super::*;

    /// The gauges as they stand, by name and labels.
    #[derive(Default)]
    struct Gauges(Mutex<std::collections::BTreeMap<String, Arc<AtomicU64>>>);

    impl Gauges {
        fn stand(&self) -> Vec<(String, f64)> {
            let gauges = self.0.lock().unwrap();
            let stand = |(name, value): (&String, &Arc<AtomicU64>)| {
                (name.clone(), f64::from_bits(value.load(Ordering::Relaxed)))
            };
            gauges.iter().map(stand).collect()
        }
    }

    impl metrics::Recorder for Gauges {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
            Counter::noop()
        }

        fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
            let labels = key.labels().map(|label| format!(" {}={}", label.key(), label.value()));
            let name = key.name().to_owned() + &labels.collect::<String>();
            Gauge::from_arc(Arc::clone(self.0.lock().unwrap().entry(name).or_default()))
        }

        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    fn depth(kind: &str, state: State, count: u64) -> Depth {
        let (queue, kind) = ("q".to_owned(), kind.to_owned());
        Depth { queue, kind, state, count, oldest: Duration::from_secs(9) }
    }

    #[test]
    fn gauges_tell_queues_and_kinds_apart_and_go_back_to_zero() {
        let (gauges, mut seen) = (Gauges::default(), BTreeSet::new());
        let both = [depth("mail", State::Available, 2), depth("report", State::Scheduled, 3)];

        metrics::with_local_recorder(&gauges, || {
            gauge_depths(&both, &mut seen);
            gauge_depths(&both[1..], &mut seen);
            gauge_depths(&both, &mut seen);
            gauge_depths(&both[..1], &mut seen);
        });

        let stand = gauges.stand();
        let stand: Vec<(&str, f64)> = stand.iter().map(|(name, is)| (name.as_str(), *is)).collect();
        assert_eq!(
            stand,
            [
                ("jobs_oldest_age_seconds queue=q kind=mail", 9.0),
                ("jobs_queue_depth queue=q kind=mail state=available", 2.0),
                ("jobs_queue_depth queue=q kind=report state=scheduled", 0.0),
            ]
        );
    }
}
