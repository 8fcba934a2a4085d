//! Arguments that only those with a key can read.

use mcsv_jobs::testing::{Database, Perform, TestQueue};
use mcsv_jobs::{
    BoxError, Failure, Job, JobCx, JobRecord, Jobs, Json, Keys, NewJob, Outcome, Policy, Sealed,
    State, Transition, Workers,
};
use serde::{Deserialize, Serialize};

use crate::kit::Done;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Charge {
    card: String,
}

impl Job for Charge {
    const KIND: &'static str = "charge";
    const QUEUE: &'static str = "payments";
    type Codec = Sealed<Json>;

    fn policy() -> Policy {
        Policy::default().with_max_attempts(2)
    }
}

fn charge() -> Charge {
    Charge { card: "4111-1111".to_owned() }
}

fn old() -> Keys {
    Keys::new("old", &[1; 32]).unwrap()
}

fn new() -> Keys {
    Keys::new("new", &[2; 32]).unwrap()
}

fn workers(jobs: &Jobs) -> Workers {
    let handled = |job: Charge, _: JobCx| async move {
        assert_eq!(job, charge());
        Ok::<_, BoxError>(Outcome::done())
    };
    let dead = |job: &Charge, _: &Failure| vec![NewJob::new(job.clone())];
    Workers::new(jobs.clone()).queue("payments", 1).handle(handled).on_discard(dead)
}

async fn record(jobs: &Jobs, id: mcsv_jobs::JobId) -> Result<JobRecord, BoxError> {
    Ok(jobs.get(id).await?.ok_or("no job")?)
}

async fn on_both(test: impl AsyncFn(&str) -> Done) -> Done {
    test(Database::sqlite()?.url()).await?;
    #[cfg(feature = "postgres")]
    if let Some(database) = crate::server::database().await? {
        test(database.url()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_key_is_changed_while_jobs_of_the_old_one_wait() -> Done {
    on_both(async |url| {
        let jobs = Jobs::connect(url).await?.with_keys(old());
        let first = jobs.enqueue(charge()).await?.id();
        let chained = NewJob::new(charge()).then(charge());
        let all = [first, jobs.enqueue(chained).await?.id()];
        let stored = record(&jobs, first).await?;
        assert_eq!(stored.sealed_with.as_deref(), Some("old"));
        assert!(!String::from_utf8_lossy(&stored.args).contains("4111"));
        assert!(stored.decode::<Charge>().is_err());

        let jobs = Jobs::connect(url).await?.with_keys(new().with_older("old", &[1; 32])?);
        assert_eq!(jobs.open::<Charge>(&stored)?, charge());
        let fresh = jobs.enqueue(charge()).await?.id();
        assert_eq!(record(&jobs, fresh).await?.sealed_with.as_deref(), Some("new"));
        let shutdown = mcsv_core::Shutdown::new();
        let running = tokio::spawn(workers(&jobs).run(shutdown.clone()));
        for id in all.into_iter().chain([fresh]) {
            assert_eq!(jobs.wait(id, crate::kit::LONG).await?.state, State::Completed);
        }
        shutdown.begin();
        running.await??;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_missing_key_is_waited_for_and_a_forged_row_is_a_dead_letter() -> Done {
    let queue = TestQueue::new().await?;
    let refused = queue.jobs().enqueue(charge()).await.unwrap_err();
    assert!(refused.is_invalid(), "{refused}");

    let with_old = queue.jobs().clone().with_keys(old());
    let with_new = queue.jobs().clone().with_keys(new());
    let id = with_old.enqueue(charge()).await?.id();
    assert_eq!(queue.drain(workers(&with_new)).await?.retried, 1);
    assert_eq!(queue.drain_all(workers(&with_old)).await?.completed, 1);
    queue.assert_state(id, State::Completed).await;

    for forgery in ["kind = 'fax'", "key_id = NULL, args = X'7b7d'", "key_id = 'new'"] {
        let id = with_old.enqueue(charge()).await?.id();
        let mut tx = queue.jobs().begin().await?;
        let forge = format!("UPDATE mcsv_jobs SET {forgery} WHERE id = {id}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(forge)).execute(&mut *tx).await?;
        tx.commit().await?;
        let both = queue.jobs().clone().with_keys(new().with_older("old", &[1; 32])?);
        let fax = |_: Fax, _: JobCx| async { Ok::<_, BoxError>(Outcome::done()) };
        assert_eq!(queue.drain(workers(&both).handle(fax)).await?.discarded, 1, "{forgery}");
        queue.assert_state(id, State::Discarded).await;
    }
    Ok(())
}

#[tokio::test]
async fn what_a_test_misses_is_shown_as_it_was_before_it_was_sealed() -> Done {
    let jobs = Jobs::connect("sqlite::memory:").await?.with_keys(new());
    jobs.enqueue(charge()).await?;

    let missing = tokio::spawn(async move {
        TestQueue::with_jobs(jobs).assert_enqueued(|_: &Charge| false).await;
    });

    let panic = missing.await.unwrap_err().into_panic();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains(r#"job 1 (available): {"card":"#), "{text}");
    Ok(())
}

/// Not the kind that the arguments were sealed for.
#[derive(Serialize, Deserialize)]
struct Fax {}

impl Job for Fax {
    const KIND: &'static str = "fax";
    const QUEUE: &'static str = "payments";
    type Codec = Sealed<Json>;
}

#[tokio::test]
async fn one_attempt_of_a_sealed_job_needs_no_keys() -> Done {
    let handled = |job: Charge, _: JobCx| async move {
        Ok::<_, BoxError>(Outcome::done().with_result(job.card))
    };
    let done = Perform::new(charge()).run(handled).await?;
    assert_eq!(done.transition, Transition::Completed);
    assert_eq!(done.result, Some("4111-1111".into()));
    Ok(())
}
