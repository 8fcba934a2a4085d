use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};

use crate::testing::kit::{Done, Note, Queue, note, run};
use crate::{JobCx, Limits, State, Workers};

pub(in crate::testing) async fn no_number_of_workers_runs_more_than_the_limit(
    queue: Queue,
) -> Done {
    let limits = Limits::new().with_running(2);
    queue.jobs.limit("notes", limits).await?;
    let (started, mut starts) = mpsc::unbounded_channel();
    let (now, most, gate) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let workers = |jobs| {
        let (started, now, most, gate) =
            (started.clone(), Arc::clone(&now), Arc::clone(&most), Arc::clone(&gate));
        let handler = move |_: Note, _: JobCx| {
            let (started, now, most, gate) =
                (started.clone(), Arc::clone(&now), Arc::clone(&most), Arc::clone(&gate));
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                started.send(())?;
                gate.acquire().await?.forget();
                now.fetch_sub(1, Ordering::SeqCst);
                Done::Ok(())
            }
        };
        run(Workers::new(jobs).queue("notes", 4).handle(handler))
    };
    let (one, two) = (workers(queue.jobs.clone()), workers(queue.other().await));
    let made = queue.jobs.enqueue_all((0..12).map(|n| note(&n.to_string()))).await?;

    starts.recv().await;
    starts.recv().await;
    gate.add_permits(12);
    for job in made {
        queue.wait(job.id()).await;
    }
    one.end().await;
    two.end().await;

    assert_eq!(most.load(Ordering::SeqCst), 2);
    assert_eq!(queue.jobs.limits().await?, BTreeMap::from([("notes".to_owned(), limits)]));
    queue.jobs.limit("notes", Limits::new()).await?;
    assert!(queue.jobs.limits().await?.is_empty());
    assert!(queue.jobs.limit("two words", limits).await.unwrap_err().is_invalid());
    Ok(())
}

pub(in crate::testing) async fn a_full_partition_holds_up_no_other(queue: Queue) -> Done {
    queue.jobs.limit("notes", Limits::new().with_running_per_partition(1)).await?;
    let (started, mut starts) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let running = Arc::new(Mutex::new(BTreeMap::<char, usize>::new()));
    let (pass, now) = (Arc::clone(&gate), Arc::clone(&running));
    let workers = run(queue.workers().handle(move |job: Note, _| {
        let (started, gate, running) = (started.clone(), Arc::clone(&pass), Arc::clone(&now));
        async move {
            let partition = job.text.chars().next().unwrap_or_default();
            let together = {
                let mut running = running.lock().unwrap();
                let count = running.entry(partition).or_default();
                *count += 1;
                *count
            };
            started.send((job.text, together))?;
            gate.acquire().await?.forget();
            *running.lock().unwrap().entry(partition).or_default() -= 1;
            Done::Ok(())
        }
    }));
    let jobs = ["a1", "a2", "a3", "b1", "b2", "-1", "-2"].map(|text| {
        let partition = text.chars().next().filter(|name| *name != '-');
        let job = crate::NewJob::new(note(text));
        partition.map_or(job.clone(), |name| job.partition(name))
    });
    let made = queue.jobs.enqueue_all(jobs).await?;

    let mut first = Vec::new();
    for _ in 0..4 {
        first.extend(starts.recv().await.map(|(text, _)| text));
    }
    first.sort();
    assert_eq!(first, ["-1", "-2", "a1", "b1"]);
    gate.add_permits(7);
    for job in &made {
        queue.wait(job.id()).await;
    }
    workers.end().await;

    while let Some((text, together)) = starts.recv().await {
        assert_eq!(together, 1, "{text}");
    }
    let record = queue.jobs.get(made[3].id()).await?.ok_or("no job")?;
    assert_eq!(record.partition.as_deref(), Some("b"));
    Ok(())
}

pub(in crate::testing) async fn no_more_starts_than_the_rate_and_the_rest_afterwards(
    queue: Queue,
) -> Done {
    let limits = Limits::new().with_rate(3, Duration::from_secs(3600));
    queue.jobs.limit("notes", limits).await?;
    let workers =
        run(queue.workers().queue("others", 1).handle(|_: Note, _| async { Done::Ok(()) }));
    let made = queue.jobs.enqueue_all((0..5).map(|n| note(&n.to_string()))).await?;

    for job in &made[..3] {
        queue.wait(job.id()).await;
    }
    let free = queue.jobs.enqueue(note("free")).queue("others")?.await?.id();
    queue.wait(free).await;
    let stats = queue.jobs.queue_stats("notes").await?;
    assert_eq!((stats.count(State::Completed), stats.count(State::Available)), (3, 2));

    // As if the hour had passed.
    queue.bend("UPDATE mcsv_job_starts SET at = at - 3600000").await?;
    queue.jobs.limit("notes", limits).await?;
    for job in &made[3..] {
        assert_eq!(queue.wait(job.id()).await.attempt, 1);
    }
    workers.end().await;
    Ok(())
}

pub(in crate::testing) async fn a_worker_runs_no_more_jobs_than_it_has_places(
    queue: Queue,
) -> Done {
    let places = Arc::new(tokio::sync::Semaphore::new(3));
    let handler = move |_: Note, _: JobCx| {
        let places = Arc::clone(&places);
        async move {
            let _place = places.try_acquire()?;
            tokio::task::yield_now().await;
            Done::Ok(())
        }
    };
    let made = queue.jobs.enqueue_all((0..60).map(|n| note(&n.to_string()))).await?;
    let workers = run(queue.workers().queue("notes", 3).handle(handler));
    for one in made {
        let record = queue.wait(one.id()).await;
        assert_eq!((record.state, record.attempt), (State::Completed, 1), "{:?}", record.errors);
    }
    workers.end().await;
    Ok(())
}
