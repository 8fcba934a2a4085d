use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::sync::Semaphore;

use crate::testing::kit::{Done, Note, Queue, note, run};
use crate::{BoxError, JobCx, Outcome};

pub(in crate::testing) async fn what_a_job_reports_is_seen_in_every_process_until_it_ends(
    queue: Queue,
) -> Done {
    let gate = Arc::new(Semaphore::new(0));
    let pass = Arc::clone(&gate);
    let running = run(queue.workers().handle(move |_: Note, cx: JobCx| {
        let gate = Arc::clone(&pass);
        async move {
            for step in 1..=3 {
                cx.report(&json!({ "step": step }))?;
                gate.acquire().await?.forget();
            }
            cx.report(&"last words")?;
            assert!(cx.report(&"x".repeat(5_000)).unwrap_err().is_invalid());
            Ok::<_, BoxError>(Outcome::done())
        }
    }));
    let id = queue.jobs.enqueue(note("x")).await?.id();
    let (mut here, mut there) = (queue.jobs.watch(id), queue.other().await.watch(id));

    for step in 1..=3 {
        assert_eq!(here.next().await?, Some(json!({ "step": step })));
        assert_eq!(there.next().await?, Some(json!({ "step": step })));
        gate.add_permits(1);
    }
    assert_eq!(here.next().await?, Some(json!("last words")));
    assert_eq!(here.next().await?, None);
    assert_eq!(there.next().await?, Some(json!("last words")));
    assert_eq!(there.next().await?, None);
    running.end().await;

    assert_eq!(queue.jobs.progress(id).await?, Some(json!("last words")));
    let missing = queue.jobs.watch(crate::JobId::new(id.get() + 1)?).next().await;
    assert!(missing.unwrap_err().is_not_found());
    Ok(())
}

pub(in crate::testing) async fn a_job_that_reports_all_the_time_holds_up_no_scheduled_one(
    queue: Queue,
) -> Done {
    let done = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&done);
    let running = run(queue.workers().handle(move |job: Note, cx: JobCx| {
        let over = Arc::clone(&over);
        async move {
            if job.text == "scheduled" {
                over.store(true, Ordering::SeqCst);
            }
            let mut said = 0_u64;
            while !over.load(Ordering::SeqCst) {
                said += 1;
                cx.report(&said)?;
                tokio::task::yield_now().await;
            }
            Done::Ok(())
        }
    }));
    let talker = queue.jobs.enqueue(note("talker")).await?.id();
    queue.jobs.watch(talker).next().await?;
    // Later than some reports are written.
    let scheduled = queue.jobs.enqueue(note("scheduled")).after(Duration::from_millis(700));
    let record = queue.wait(scheduled.await?.id()).await;
    queue.wait(talker).await;
    running.end().await;

    let started = record.attempted_at.ok_or("it never started")?;
    let late = started.duration_since(record.scheduled_at)?;
    // An idle queue is looked at every five seconds: this one must not be left to that.
    assert!(late < Duration::from_secs(3), "{late:?} late");
    Ok(())
}
