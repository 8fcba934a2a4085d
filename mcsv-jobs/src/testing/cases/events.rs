use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use crate::{BoxError, Filter, JobCx, Outcome, Permanent, Problem, State};

use crate::testing::kit::{Done, Note, Queue, note, run};

/// Every way in which a handler can end, then success at the second attempt.
async fn behave(job: Note, cx: JobCx) -> Result<Outcome, BoxError> {
    let millis = Duration::from_millis;
    match (job.text.as_str(), cx.attempt()) {
        ("fail" | "panic", 1) if job.text == "panic" => panic!("as told"),
        ("fail", 1) => Err("as told".into()),
        ("retry", 1) => Ok(Outcome::retry(millis(1))),
        ("fail for ever", _) => Err("again".into()),
        ("permanent", _) => Err(Permanent::new("for good").into()),
        ("discard", _) => Ok(Outcome::discard("as told")),
        ("cancel", _) => Ok(Outcome::cancel("as told")),
        ("then", _) => Ok(Outcome::done().then(note("done"))),
        _ => Ok(Outcome::done()),
    }
}

pub(in crate::testing) async fn every_row_can_be_rebuilt_from_its_events(queue: Queue) -> Done {
    let texts = ["done", "fail", "panic", "retry", "fail for ever", "permanent", "discard"];
    let mut ids = Vec::new();
    for text in texts.into_iter().chain(["cancel", "then", "done"]) {
        ids.push(queue.jobs.enqueue(note(text)).await?.id());
    }
    queue.jobs.cancel(ids[9]).await?;
    let running = run(queue.workers().handle(behave));
    for id in ids {
        queue.wait(id).await;
    }
    queue.jobs.replay(Filter::new().with_state(State::Discarded)).await?;
    for job in queue.jobs.list(Filter::new()).await?.jobs {
        queue.wait(job.id).await;
    }
    running.end().await;

    let report = queue.jobs.verify().await?;
    assert!(report.is_sound(), "{report}");
    assert_eq!(report.jobs, queue.jobs.list(Filter::new()).await?.jobs.len() as u64);
    Ok(())
}

pub(in crate::testing) async fn a_row_that_was_changed_past_the_log_is_found(queue: Queue) -> Done {
    let id = queue.jobs.enqueue(note("x")).await?.id();
    assert!(queue.jobs.verify().await?.is_sound());

    queue.bend("UPDATE mcsv_jobs SET state = 'completed', attempt = 1").await?;
    let report = queue.jobs.verify().await?;
    let columns: Vec<_> = report
        .differences
        .iter()
        .map(|difference| match &difference.problem {
            Problem::Column { name, .. } if difference.id == id => *name,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(columns, ["state", "attempt"]);

    queue.bend("UPDATE mcsv_job_events SET transition = 'completed'").await?;
    let report = queue.jobs.verify().await?;
    assert!(matches!(report.differences[0].problem, Problem::Impossible { .. }), "{report}");

    queue.bend("DELETE FROM mcsv_job_events").await?;
    let report = queue.jobs.verify().await?;
    assert_eq!(report.differences[0].problem, Problem::NoEvents);
    assert!(queue.jobs.history(id).await.unwrap_err().is_not_found());
    queue.bend("DELETE FROM mcsv_jobs").await
}

pub(in crate::testing) async fn the_state_at_any_time_is_known(queue: Queue) -> Done {
    let id = queue.jobs.enqueue(note("x")).await?.id();
    let running = run(queue.workers().handle(behave));
    queue.wait(id).await;
    running.end().await;
    // As if an hour lay between each of its three events.
    queue.bend("UPDATE mcsv_job_events SET at = 3600000 * sequence").await?;

    let at = |hour: f64| UNIX_EPOCH + Duration::from_secs_f64(3600.0 * hour);
    let mut states = Vec::new();
    for hour in [0.5, 1.0, 2.5, 9.0] {
        let snapshot = queue.jobs.state_at(id, at(hour)).await?;
        states.push(snapshot.map(|snapshot| (snapshot.state, snapshot.attempt)));
    }

    let (waiting, running) = ((State::Available, 0), (State::Executing, 1));
    let expected = [None, Some(waiting), Some(running), Some((State::Completed, 1))];
    assert_eq!(states, expected);
    assert_eq!(queue.jobs.history(id).await?.latest()?.finished_at, Some(at(3.0)));
    queue.bend("DELETE FROM mcsv_jobs").await
}

pub(in crate::testing) async fn the_log_goes_on_growing_in_order(queue: Queue) -> Done {
    let running = run(queue.workers().handle(behave));
    let id = queue.jobs.enqueue(note("fail")).await?.id();
    queue.wait(id).await;
    running.end().await;

    let events = queue.jobs.events(id).await?;
    let counts = events.iter().fold(BTreeMap::new(), |mut counts, event| {
        *counts.entry(event.transition.as_str()).or_insert(0) += 1;
        counts
    });

    assert!(events.windows(2).all(|pair| pair[0].sequence < pair[1].sequence));
    let expected = [("completed", 1), ("enqueued", 1), ("retried", 1), ("started", 2)];
    assert_eq!(counts, BTreeMap::from(expected));
    assert!(events[1].worker.contains('.'), "who started it");
    Ok(())
}
