use std::collections::BTreeMap;
use std::time::Duration;

use crate::{BoxError, Filter, JobCx, Outcome, Permanent, State, Transition};

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

    for record in queue.jobs.list(Filter::new()).await?.jobs {
        let events = queue.jobs.events(record.id).await?;
        assert_eq!(events[0].transition, Transition::Enqueued);
        assert!(events.windows(2).all(|pair| is_legal(pair[0].state, pair[1].state)));
        let last = events.last().ok_or("no event")?;
        assert_eq!((last.state, last.attempt), (record.state, record.attempt), "{record:?}");
        assert_eq!(Some(last.at), record.finished_at);
    }
    Ok(())
}

fn is_legal(from: State, to: State) -> bool {
    match from {
        State::Executing => true,
        _ if from.is_finished() => to == State::Available,
        _ => matches!(to, State::Executing | State::Cancelled),
    }
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
