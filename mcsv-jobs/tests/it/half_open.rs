//! Connections that stay open and lead nowhere, and answers that get lost.

use std::pin::Pin;
use std::time::Duration;

use mcsv_jobs::{BoxError, Error, Filter, JobCx, JobId, Jobs, Limits, State, Workers};
use sqlx::{Connection as _, PgConnection};

use crate::counters::Counters;
use crate::kit::{Done, LONG, Note, assert_sound, note, run, run_gated};
use crate::outage::listens;
use crate::proxy::Proxy;
use crate::warnings::Warnings;

#[tokio::test]
async fn a_silent_network_costs_neither_the_lease_nor_the_outcome() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let mut warnings = Warnings::hear();
    let direct = Jobs::connect(database.url()).await?;
    let proxy = Proxy::start(database.url()).await?;
    let jobs = Jobs::connect(proxy.url()).await?;
    let workers = Workers::new(jobs).queue("notes", 1).with_lease(Duration::from_secs(20));
    let (workers, mut starts, go_on) = run_gated(workers);
    let id = direct.enqueue(note("held")).await?.id();
    starts.recv().await;
    let mut conn = PgConnection::connect(database.url()).await?;
    let before = listens(&mut conn).await?;

    proxy.silence();
    go_on.notify_one();
    let record = direct.wait(id, LONG).await?;
    assert_eq!((record.state, record.attempt), (State::Completed, 1));
    warnings.next_with("not told of new work").await;
    // The silent connection still listens for the server, too: another one has joined it.
    while listens(&mut conn).await?.is_subset(&before) {}
    let next = direct.enqueue(note("next")).await?.id();
    go_on.notify_one();
    assert_eq!(direct.wait(next, LONG).await?.state, State::Completed);
    workers.end().await?;

    assert_eq!(starts.recv().await, Some(("next".to_owned(), 1)), "the first ran once");
    assert_eq!(starts.recv().await, None);
    assert_sound(&direct).await
}

#[tokio::test]
async fn a_claim_whose_answer_is_lost_is_given_back_without_an_attempt_used_up() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let direct = Jobs::connect(database.url()).await?;
    let proxy = Proxy::start(database.url()).await?;
    let jobs = Jobs::connect(proxy.url()).await?;
    // Nobody waits for this lease: the worker itself must notice.
    let workers = Workers::new(jobs).queue("notes", 1).with_lease(Duration::from_secs(3600));
    proxy.lose_answer("the lost one");
    let id = direct.enqueue(note("the lost one")).await?.id();
    let workers = run(workers.handle(|_: Note, _: JobCx| async { Done::Ok(()) }));

    let record = direct.wait(id, LONG).await?;
    workers.end().await?;

    assert!(proxy.has_lost_it());
    assert_eq!((record.state, record.attempt), (State::Completed, 1));
    let log = direct.events(id).await?;
    let log: Vec<_> = log.iter().map(|event| event.transition.as_str()).collect();
    assert_eq!(log, ["enqueued", "started", "released", "started", "completed"]);
    assert_sound(&direct).await
}

#[tokio::test]
async fn a_job_that_started_with_a_lost_answer_is_given_back_without_an_attempt_used_up() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let direct = Jobs::connect(database.url()).await?;
    let proxy = Proxy::start(database.url()).await?;
    let jobs = Jobs::connect(proxy.url()).await?;
    let workers = Workers::new(jobs.clone()).queue("notes", 1);
    let workers = workers.with_lease(Duration::from_secs(3600));
    let workers = run(workers.handle(|_: Note, _: JobCx| async { Done::Ok(()) }));
    // It starts with its enqueue once the worker has nothing else to ask for.
    loop {
        let before = jobs.enqueue(note("before")).await?.id();
        direct.wait(before, LONG).await?;
        let next = u8::try_from(before.get() + 1)?;
        // The first answer with its id, a number of eight bytes.
        proxy.lose_answer(&format!("\0\0\0\u{8}\0\0\0\0\0\0\0{}", char::from(next)));
        let refused = jobs.enqueue(note("lost")).await.unwrap_err();
        assert!(refused.is_retryable() && proxy.has_lost_it(), "{refused:?}");

        let id = JobId::new(next.into())?;
        let record = direct.wait(id, LONG).await?;
        assert_eq!((record.state, record.attempt), (State::Completed, 1));
        let log = direct.events(id).await?;
        let log: Vec<_> = log.iter().map(|event| event.transition.as_str()).collect();
        if log == ["enqueued", "started", "released", "started", "completed"] {
            break;
        }
        assert_eq!(log, ["enqueued", "started", "completed"]);
    }
    workers.end().await?;
    assert_sound(&direct).await
}

#[tokio::test]
async fn an_outcome_whose_answer_is_lost_is_written_once_and_counted_as_finished() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let counters = Counters::default();
    let _counting = metrics::set_default_local_recorder(&counters);
    let mut warnings = Warnings::hear();
    let direct = Jobs::connect(database.url()).await?;
    let proxy = Proxy::start(database.url()).await?;
    let jobs = Jobs::connect(proxy.url()).await?;
    // Nothing but the outcome is to be committed, which a member of a batch has in a transaction.
    let workers = Workers::new(jobs).queue("notes", 1).with_lease(Duration::from_secs(3600));
    let (workers, mut starts, go_on) = run_gated(workers);
    let id = direct.batch([note("held")]).await?.jobs[0].id();
    starts.recv().await;

    proxy.lose_answer("COMMIT");
    go_on.notify_one();
    let record = direct.wait(id, LONG).await?;
    warnings.next_with("outcomes not written").await;
    workers.end().await?;

    assert!(proxy.has_lost_it());
    assert_eq!((record.state, record.attempt), (State::Completed, 1));
    let counted = ["jobs_finished_total", "jobs_lease_lost_total"].map(|name| counters.get(name));
    assert_eq!(counted, [1, 0], "{:?}", warnings.rest());
    assert_eq!(starts.recv().await, None);
    assert_sound(&direct).await
}

type Asked<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + 'a>>;

/// Every kind of call, to be made once.
fn calls(jobs: &Jobs, id: JobId) -> Vec<(&'static str, Asked<'_>)> {
    let second = Duration::from_secs(1);
    vec![
        ("enqueue", Box::pin(async move { jobs.enqueue(note("x")).await.map(drop) })),
        ("enqueue_all", Box::pin(async move { jobs.enqueue_all([note("x")]).await.map(drop) })),
        ("batch", Box::pin(async move { jobs.batch([note("x")]).await.map(drop) })),
        ("begin_pg", Box::pin(async move { jobs.begin_pg().await.map(drop) })),
        ("get", Box::pin(async move { jobs.get(id).await.map(drop) })),
        ("list", Box::pin(async move { jobs.list(Filter::new()).await.map(drop) })),
        ("stats", Box::pin(async move { jobs.stats().await.map(drop) })),
        ("events", Box::pin(async move { jobs.events(id).await.map(drop) })),
        ("cancel", Box::pin(async move { jobs.cancel(id).await.map(drop) })),
        ("retry", Box::pin(async move { jobs.retry(id).await.map(drop) })),
        ("replay", Box::pin(async move { jobs.replay(Filter::new()).await.map(drop) })),
        ("prune", Box::pin(async move { jobs.prune(second, second).await.map(drop) })),
        ("pause", Box::pin(async move { jobs.pause("notes").await.map(drop) })),
        ("paused", Box::pin(async move { jobs.paused().await.map(drop) })),
        ("limit", Box::pin(async move { jobs.limit("notes", Limits::new()).await.map(drop) })),
        ("limits", Box::pin(async move { jobs.limits().await.map(drop) })),
        ("verify", Box::pin(async move { jobs.verify().await.map(drop) })),
        ("wait", Box::pin(async move { jobs.wait(id, LONG * 60).await.map(drop) })),
        ("keys", Box::pin(async move { jobs.unique_keys_unfinished("note", &[]).await.map(drop) })),
    ]
}

#[tokio::test]
async fn every_call_over_a_silent_network_comes_back_with_an_error_that_may_pass() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let proxy = Proxy::start(database.url()).await?;
    let direct = Jobs::connect(database.url()).await?;
    let id = direct.enqueue(note("x")).after(LONG).await?.id();

    for index in 0..calls(&direct, id).len() {
        let jobs = Jobs::connect(proxy.url()).await?;
        // A connection that was just used is not tried before it is used again.
        jobs.get(id).await?;
        let (name, asked) = calls(&jobs, id).swap_remove(index);
        proxy.silence();
        // Nothing is to happen any more but that time goes by.
        tokio::time::pause();
        let silent = asked.await.err();
        tokio::time::resume();
        let silent = silent.ok_or_else(|| BoxError::from(format!("{name} is answered")))?;
        assert!(silent.is_retryable(), "{name}: {silent:?}");
    }
    assert_sound(&direct).await
}
