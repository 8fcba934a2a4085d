use std::process::Stdio;

use mcsv_core::Shutdown;
use mcsv_jobs::{Jobs, State, Transition, Workers};
use tokio::process::Command;

use crate::kit::{Done, LONG, Note, assert_sound, note, url};

const CHILD: &str = "MCSV_JOBS_TEST_POISON";
const ATTEMPTS: u32 = 2;

/// The process of the workers, which is this same test again, dies of the job each time.
async fn check(test: &str, url: &str) -> Done {
    let jobs = Jobs::connect(url).await?;
    let poison = jobs.enqueue(note("poison")).max_attempts(ATTEMPTS).await?.id();
    let others = jobs.enqueue_all((0..20).map(|n| note(&n.to_string()))).await?;

    let mut deaths = 0;
    let last = loop {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--exact", test])
            .env(CHILD, url)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        tokio::select! {
            ended = child.wait() => {
                assert!(!ended?.success());
                deaths += 1;
            }
            dead = jobs.wait(poison, LONG) => break (child, dead?),
        }
    };
    let (mut child, dead) = last;
    assert_eq!((dead.state, dead.attempt, deaths), (State::Discarded, ATTEMPTS, ATTEMPTS));
    for one in others {
        assert_eq!(jobs.wait(one.id(), LONG).await?.state, State::Completed);
    }
    child.kill().await?;
    let log = jobs.events(poison).await?;
    let starts = log.iter().filter(|event| event.transition == Transition::Started).count();
    assert_eq!(starts, usize::try_from(ATTEMPTS)?);
    assert_sound(&jobs).await
}

async fn work(url: &str) -> Done {
    let workers = Workers::new(Jobs::connect(url).await?).queue("notes", 1);
    let workers = workers.handle(|job: Note, _| async move {
        if job.text == "poison" {
            std::process::abort();
        }
        Done::Ok(())
    });
    Ok(workers.run(Shutdown::new()).await?)
}

#[tokio::test]
async fn a_job_that_kills_its_process_every_time_is_a_dead_letter() -> Done {
    if let Ok(url) = std::env::var(CHILD) {
        return work(&url).await;
    }
    let folder = tempfile::tempdir()?;
    let test = "poison::a_job_that_kills_its_process_every_time_is_a_dead_letter";
    check(test, &url(folder.path())).await
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn a_job_that_kills_its_process_every_time_is_a_dead_letter_on_a_server() -> Done {
    if let Ok(url) = std::env::var(CHILD) {
        return work(&url).await;
    }
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let test = "poison::a_job_that_kills_its_process_every_time_is_a_dead_letter_on_a_server";
    check(test, database.url()).await
}
