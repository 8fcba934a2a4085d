use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use mcsv_core::Shutdown;
use mcsv_jobs::{Jobs, State, Transition, Workers};
use tokio::process::{Child, Command};

use crate::kit::{Done, Note, Queue, note, url};

const CHILD: &str = "MCSV_JOBS_TEST_KILL";
const CONCURRENCY: usize = 4;

/// The parent kills the child, which is this same test, and starts another one in its place.
#[tokio::test]
async fn a_killed_worker_loses_no_job_and_completes_none_twice() -> Done {
    if let Ok(folder) = std::env::var(CHILD) {
        return work_until_killed(Path::new(&folder)).await;
    }
    let queue = Queue::new().await;
    let made = queue.jobs.enqueue_all((0..60).map(|n| note(&n.to_string()))).await?;
    let kills = [10, 25, 40];

    for kill_after in kills {
        let mut child = start_child(queue.folder.path())?;
        queue.wait(made[kill_after].id()).await;
        child.kill().await?;
    }
    let mut child = start_child(queue.folder.path())?;
    for one in &made {
        assert_eq!(queue.wait(one.id()).await.state, State::Completed);
    }
    child.kill().await?;

    let mut effects = BTreeMap::new();
    for line in std::fs::read_to_string(effects_file(queue.folder.path()))?.lines() {
        *effects.entry(line.to_owned()).or_insert(0) += 1;
    }
    assert_eq!(effects.len(), made.len(), "every job had its effect");
    let repeated = effects.values().sum::<usize>() - effects.len();
    assert!(repeated <= kills.len() * CONCURRENCY, "{repeated} ran again: more than were running");
    for one in made {
        let events = queue.jobs.events(one.id()).await?;
        let completed = events.iter().filter(|event| event.transition == Transition::Completed);
        assert_eq!(completed.count(), 1);
    }
    Ok(())
}

fn start_child(folder: &Path) -> std::io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .args(["--exact", "kill::a_killed_worker_loses_no_job_and_completes_none_twice"])
        .env(CHILD, folder)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
}

fn effects_file(folder: &Path) -> PathBuf {
    folder.join("effects")
}

async fn work_until_killed(folder: &Path) -> Done {
    let effects = effects_file(folder);
    let jobs = Jobs::connect(&url(folder)).await?;
    // The lease outlasts the test: only a proof that the owner is dead can free its jobs.
    let workers =
        Workers::new(jobs).queue("notes", CONCURRENCY).with_lease(Duration::from_secs(3600));
    let workers = workers.handle(move |job: Note, _| {
        let effects = effects.clone();
        async move {
            // The work itself: long enough for a kill to fall into it.
            tokio::time::sleep(Duration::from_millis(3)).await;
            let mut file = OpenOptions::new().create(true).append(true).open(effects)?;
            Done::Ok(writeln!(file, "{}", job.text)?)
        }
    });
    Ok(workers.run(Shutdown::new()).await?)
}
