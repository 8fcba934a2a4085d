use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use mcsv_core::Shutdown;
use mcsv_jobs::{Jobs, State, Transition, Workers};
use tokio::process::{Child, Command};

use crate::kit::{Done, LONG, Note, note, url};

const CHILD: &str = "MCSV_JOBS_TEST_KILL";
const EFFECTS: &str = "MCSV_JOBS_TEST_EFFECTS";
const CONCURRENCY: usize = 4;

/// The parent kills the child, which is this same test, and starts another one in its place.
#[tokio::test]
async fn a_killed_worker_loses_no_job_and_completes_none_twice() -> Done {
    if let Ok(url) = std::env::var(CHILD) {
        return work_until_killed(&url).await;
    }
    let folder = tempfile::tempdir()?;
    let scene = Scene {
        test: "kill::a_killed_worker_loses_no_job_and_completes_none_twice",
        url: url(folder.path()),
        effects: folder.path().join("effects"),
    };
    scene.play(&[10, 25, 40]).await
}

#[cfg(feature = "postgres")]
#[tokio::test]
async fn a_killed_worker_on_a_server_is_known_to_be_dead() -> Done {
    if let Ok(url) = std::env::var(CHILD) {
        return work_until_killed(&url).await;
    }
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let scene = Scene {
        test: "kill::a_killed_worker_on_a_server_is_known_to_be_dead",
        url: database.url().to_owned(),
        effects: folder.path().join("effects"),
    };
    scene.play(&[20, 40]).await
}

struct Scene {
    test: &'static str,
    url: String,
    effects: PathBuf,
}

impl Scene {
    async fn play(&self, kills: &[usize]) -> Done {
        let jobs = Jobs::connect(&self.url).await?;
        let made = jobs.enqueue_all((0..60).map(|n| note(&n.to_string()))).await?;

        for &kill_after in kills {
            let mut child = self.start_child()?;
            jobs.wait(made[kill_after].id(), LONG).await?;
            child.kill().await?;
        }
        let mut child = self.start_child()?;
        for one in &made {
            assert_eq!(jobs.wait(one.id(), LONG).await?.state, State::Completed);
        }
        child.kill().await?;

        let mut effects = BTreeMap::new();
        for line in std::fs::read_to_string(&self.effects)?.lines() {
            *effects.entry(line.to_owned()).or_insert(0) += 1;
        }
        assert_eq!(effects.len(), made.len(), "every job had its effect");
        let repeated = effects.values().sum::<usize>() - effects.len();
        assert!(
            repeated <= kills.len() * CONCURRENCY,
            "{repeated} ran again: more than were running"
        );
        for one in made {
            let events = jobs.events(one.id()).await?;
            let completed = events.iter().filter(|one| one.transition == Transition::Completed);
            assert_eq!(completed.count(), 1);
        }
        Ok(())
    }

    fn start_child(&self) -> std::io::Result<Child> {
        Command::new(std::env::current_exe()?)
            .args(["--exact", self.test])
            .env(CHILD, &self.url)
            .env(EFFECTS, &self.effects)
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
    }
}

async fn work_until_killed(url: &str) -> Done {
    let effects = std::env::var(EFFECTS)?;
    let jobs = Jobs::connect(url).await?;
    // The lease outlasts the test: only a proof that the owner is dead can free its jobs.
    let workers =
        Workers::new(jobs).queue("notes", CONCURRENCY).with_lease(Duration::from_secs(3600));
    let workers = workers.handle(move |job: Note, _| {
        let effects = effects.clone();
        async move {
            // The work itself: long enough for a kill to fall into it.
            tokio::time::sleep(Duration::from_millis(3)).await;
            let mut file =
                OpenOptions::new().create(true).append(true).open(Path::new(&effects))?;
            Done::Ok(writeln!(file, "{}", job.text)?)
        }
    });
    Ok(workers.run(Shutdown::new()).await?)
}
