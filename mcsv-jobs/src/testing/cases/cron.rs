use std::time::{Duration, UNIX_EPOCH};

use futures_util::future::poll_immediate;

use crate::cron::Schedule;
use crate::testing::kit::{Done, Note, Queue, note};
use crate::{CatchUp, Cron, Error, Filter, NewJob, State};

/// More turns of the task than a tick can take.
const STEPS: usize = 40;

const HOUR: i64 = 3_600_000;

fn yearly() -> Schedule {
    schedule("0 0 1 1 *".parse().unwrap())
}

/// Its jobs say which second they stand for.
fn schedule(cron: Cron) -> Schedule {
    Schedule::new("note", cron, |tick| {
        let at = tick.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        NewJob::new(note(&at.as_secs().to_string()))
    })
}

/// The ticks that were enqueued, as hours since `from`, in their order.
async fn ticks(queue: &Queue, from: i64) -> Result<Vec<f64>, Error> {
    let mut jobs = queue.jobs.list(Filter::new().with_limit(100)).await?.jobs;
    jobs.reverse();
    let millis = |text: String| text.parse::<i64>().unwrap_or(0) * 1_000;
    let hours = |at: i64| (at - from) as f64 / HOUR as f64;
    jobs.iter().map(|job| Ok(hours(millis(job.decode::<Note>()?.text)))).collect()
}

pub(in crate::testing) async fn a_tick_is_enqueued_once_wherever_a_process_dies_over_it(
    queue: Queue,
) -> Done {
    let other = queue.other().await;
    let (dying, living) = (yearly(), yearly());
    living.tick(&other).await?;
    for steps in 0..STEPS {
        // As if nobody had been there at the latest tick.
        queue.bend("UPDATE mcsv_job_ticks SET last = 1").await?;

        let mut tick = Box::pin(dying.tick(&queue.jobs));
        for _ in 0..steps {
            if poll_immediate(&mut tick).await.is_some() {
                break;
            }
            // Lets the database answer.
            other.ping().await?;
        }
        drop(tick);
        living.tick(&other).await?;
        living.tick(&queue.jobs).await?;

        let page = other.list(Filter::new().with_state(State::Available)).await?;
        let [job] = &page.jobs[..] else {
            return Err(format!("{} jobs after {steps} steps", page.jobs.len()).into());
        };
        assert!(job.decode::<Note>()?.text.parse::<u64>()? % 86_400 == 0, "a midnight");
        queue.jobs.cancel(job.id).await?;
    }
    Ok(())
}

pub(in crate::testing) async fn every_day_has_one_tick_while_the_clocks_are_set(
    queue: Queue,
) -> Done {
    // 2026-03-28 00:00 in Berlin, whose clocks are set on the 29th, and 2026-10-24.
    const SPRING: i64 = 1_774_652_400_000;
    const AUTUMN: i64 = 1_792_792_800_000;
    let other = queue.other().await;
    let nightly = || Ok::<_, Error>(schedule(Cron::new("30 2 * * *")?.in_zone("Europe/Berlin")?));
    let (one, two) = (nightly()?, nightly()?);
    one.tick_at(&queue.jobs, SPRING - HOUR).await?;
    // Both look every half hour for three days of each.
    for from in [SPRING, AUTUMN] {
        for half in 0..144 {
            let now = from + half * HOUR / 2;
            let (a, b) = tokio::join!(one.tick_at(&queue.jobs, now), two.tick_at(&other, now));
            a?;
            b?;
        }
    }

    let hours = ticks(&queue, SPRING).await?;
    assert_eq!(hours[..3], [2.5, 26.0, 49.5], "at three where it is never half past two");
    let hours = ticks(&queue, AUTUMN).await?;
    assert_eq!(hours[4..], [2.5, 26.5, 51.5], "at the first of two half past twos");
    assert!((-24.0..0.0).contains(&hours[3]), "the latest of those that were missed in between");
    Ok(())
}

pub(in crate::testing) async fn missed_ticks_are_made_up_by_the_policy_of_their_schedule(
    queue: Queue,
) -> Done {
    // 2011-12-29 00:00 in Apia, which went from there to the 31st after a day.
    const MIDNIGHT: i64 = 1_325_152_800_000;
    let nightly = Cron::new("0 3 * * *")?.in_zone("Pacific/Apia")?;
    let each = |hours: u64| CatchUp::Each(Duration::from_secs(hours * 3_600));
    let day = 24 * HOUR;
    for (catch_up, missed) in [
        (CatchUp::Skip, vec![]),
        (CatchUp::Latest, vec![27.0]),
        (each(1_000), vec![3.0, 24.0, 27.0]),
        (each(20), vec![24.0, 27.0]),
    ] {
        let nightly = schedule(nightly.clone().with_catch_up(catch_up));
        nightly.tick_at(&queue.jobs, MIDNIGHT).await?;
        assert!(ticks(&queue, MIDNIGHT).await?.is_empty(), "{catch_up:?}: nothing is missed yet");

        // Nobody is there for a day and a half.
        let (a, b) = (queue.other().await, queue.other().await);
        let back = MIDNIGHT + day * 3 / 2;
        let (a, b) = tokio::join!(nightly.tick_at(&a, back), nightly.tick_at(&b, back));
        a?;
        b?;
        assert_eq!(ticks(&queue, MIDNIGHT).await?, missed, "{catch_up:?}");

        // In time: whatever the policy is.
        nightly.tick_at(&queue.jobs, MIDNIGHT + 51 * HOUR).await?;
        let all: Vec<f64> = missed.into_iter().chain([51.0]).collect();
        assert_eq!(ticks(&queue, MIDNIGHT).await?, all, "{catch_up:?}");
        for table in ["mcsv_jobs", "mcsv_job_events", "mcsv_job_ticks"] {
            queue.bend(&format!("DELETE FROM {table}")).await?;
        }
    }
    Ok(())
}
