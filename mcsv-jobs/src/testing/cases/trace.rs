use crate::JobCx;
use mcsv_core::TraceContext;
use tokio::sync::mpsc;

use crate::testing::kit::{Done, Note, Queue, note, run};

pub(in crate::testing) async fn a_handler_runs_in_the_trace_of_whoever_enqueued_its_job(
    queue: Queue,
) -> Done {
    let (seen, mut contexts) = mpsc::unbounded_channel();
    let running = run(queue.workers().handle(move |_: Note, cx: JobCx| {
        let seen = seen.clone();
        async move {
            tokio::task::yield_now().await;
            Done::Ok(seen.send((cx.trace(), TraceContext::current()))?)
        }
    }));
    let caller = TraceContext::random_root().with_tracestate("vendor=1");

    let enqueued = caller.clone().scope(async { queue.jobs.enqueue(note("x")).await }).await?;
    let (in_cx, current) = contexts.recv().await.ok_or("no run")?;
    let record = queue.wait(enqueued.id()).await;
    running.end().await;

    assert_eq!(record.trace_id, Some(caller.trace_id()));
    assert_eq!(current.as_ref(), Some(&in_cx));
    assert_eq!(in_cx.trace_id(), caller.trace_id());
    assert_ne!(in_cx.span_id(), caller.span_id());
    assert_eq!(in_cx.tracestate(), Some("vendor=1"));
    Ok(())
}

pub(in crate::testing) async fn a_job_from_outside_of_any_trace_starts_one(queue: Queue) -> Done {
    let ids = queue.jobs.enqueue_all([note("a"), note("b")]).await?;

    let mut traces = Vec::new();
    for made in ids {
        traces.extend(queue.jobs.get(made.id()).await?.and_then(|job| job.trace_id));
    }

    assert_eq!(traces.len(), 2);
    assert_ne!(traces[0], traces[1]);
    Ok(())
}
