use std::time::UNIX_EPOCH;

use futures_util::future::poll_immediate;

use crate::cron::Schedule;
use crate::testing::kit::{Done, Note, Queue, note};
use crate::{Filter, NewJob, State};

/// More turns of the task than a tick can take.
const STEPS: usize = 40;

fn yearly() -> Schedule {
    Schedule::new("note", "0 0 1 1 *".parse().unwrap(), |tick| {
        let at = tick.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        NewJob::new(note(&at.as_secs().to_string()))
    })
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
