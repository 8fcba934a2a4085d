//! The spans and the numbers that the queue emits.

use std::collections::BTreeSet;
use std::time::Duration;

use mcsv_core::{TraceContext, link_span};
use metrics::{counter, gauge, histogram};
use tracing::{Span, info_span};

use crate::store::{Claimed, Depth, Fate, Inserted, Row};
use crate::{JobCx, NewJob, State};

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

/// Sets the gauges; what was `seen` before and is empty now becomes zero.
pub(crate) fn gauge_depths(depths: &[Depth], seen: &mut BTreeSet<(String, String)>) {
    for (queue, state) in std::mem::take(seen) {
        if !depths.iter().any(|depth| depth.queue == queue && depth.state == state) {
            gauge_depth(&queue, &state, 0, 0);
        }
    }
    for depth in depths {
        gauge_depth(&depth.queue, &depth.state, depth.count, depth.oldest);
        seen.insert((depth.queue.clone(), depth.state.clone()));
    }
}

fn gauge_depth(queue: &str, state: &str, count: i64, oldest: i64) {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let labels = [("queue", queue.to_owned()), ("state", state.to_owned())];
    gauge!("jobs_queue_depth", &labels).set(f64::from(count));
    if state == State::Available.as_str() {
        let age = Duration::from_millis(u64::try_from(oldest).unwrap_or(0));
        gauge!("jobs_oldest_age_seconds", "queue" => queue.to_owned()).set(age.as_secs_f64());
    }
}
