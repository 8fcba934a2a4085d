use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::ticks::time_of;
use super::{CatchUp, Cron, Tick};
use crate::backend::panic_text;
use crate::failure::bounded;
use crate::store::TickOnce;
use crate::{Error, Jobs, NewJob};

/// The longest sleep: the database's clock may be set.
const LONGEST: Duration = Duration::from_secs(60);
/// How long to wait after the database did not answer.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// One schedule, with the maker of its jobs.
pub(crate) struct Schedule {
    name: String,
    cron: Cron,
    make: Box<dyn Fn(Tick) -> NewJob + Send + Sync>,
}

impl Schedule {
    pub(crate) fn new(
        kind: &str,
        cron: Cron,
        make: impl Fn(Tick) -> NewJob + Send + Sync + 'static,
    ) -> Self {
        Schedule { name: format!("{kind} {cron}"), cron, make: Box::new(make) }
    }

    /// Enqueues every tick, for ever, and missed ones by the schedule's policy.
    pub(crate) async fn run(&self, jobs: &Jobs) {
        loop {
            let wait = match self.tick(jobs).await {
                Ok(wait) => wait,
                Err(error) => {
                    let cause = &error as &dyn std::error::Error;
                    tracing::warn!(schedule = self.name, error = cause, "no tick: will try again");
                    AFTER_ERROR
                }
            };
            tokio::time::sleep(wait.min(LONGEST)).await;
        }
    }

    /// Enqueues what is to be enqueued by now if nobody has, and tells how long until the next tick.
    pub(crate) async fn tick(&self, jobs: &Jobs) -> Result<Duration, Error> {
        self.tick_at(jobs, jobs.inner.store.now().await?).await
    }

    /// The same at `millis` since 1970.
    pub(crate) async fn tick_at(&self, jobs: &Jobs, millis: i64) -> Result<Duration, Error> {
        const MINUTE: i64 = 60_000;
        let now = millis.div_euclid(MINUTE);
        if let Some(latest) = self.cron.latest(now) {
            match self.cron.catch_up() {
                CatchUp::Skip if latest < now => self.pass(jobs, latest).await?,
                CatchUp::Skip | CatchUp::Latest => self.enqueue(jobs, latest).await?,
                CatchUp::Each(within) => {
                    let within = i64::try_from(within.as_secs() / 60).unwrap_or(now).min(now);
                    self.enqueue_each(jobs, now - within, latest).await?;
                }
            }
        }
        let next = self.cron.next(now).map_or(i64::MAX, |next| next * MINUTE - millis);
        Ok(crate::new_job::from_millis(next))
    }

    /// Those from `from` to `latest` that nobody has enqueued.
    ///
    /// Whoever else does the same meanwhile goes through the same ticks in the same order: each is
    /// enqueued by one of both.
    async fn enqueue_each(&self, jobs: &Jobs, from: i64, latest: i64) -> Result<(), Error> {
        let Some(last) = jobs.inner.store.last_tick(&self.name).await? else {
            return self.pass(jobs, latest).await;
        };
        let mut at = last.max(from - 1);
        while let Some(next) = self.cron.next(at).filter(|next| *next <= latest) {
            self.enqueue(jobs, next).await?;
            at = next;
        }
        Ok(())
    }

    async fn enqueue(&self, jobs: &Jobs, tick: i64) -> Result<(), Error> {
        let job = self.job(tick)?;
        let row = jobs.row(&job)?;
        let once = TickOnce { name: self.name.clone(), tick, row: Some(row.clone()) };
        if let Some(inserted) = jobs.inner.store.tick(once).await? {
            jobs.inner.announce(&[row], &[inserted]);
            tracing::debug!(schedule = self.name, job.id = %inserted.id, "tick");
        }
        Ok(())
    }

    /// The job of a tick. A maker that panics must not end the workers of its process.
    fn job(&self, tick: i64) -> Result<NewJob, Error> {
        let made = || (self.make)(Tick { at: time_of(tick) });
        catch_unwind(AssertUnwindSafe(made)).map_err(|panic| {
            let text = format!("the maker of its job panicked: {}", panic_text(&*panic));
            Error::invalid(bounded(text))
        })
    }

    /// Lets a tick go by.
    async fn pass(&self, jobs: &Jobs, tick: i64) -> Result<(), Error> {
        let once = TickOnce { name: self.name.clone(), tick, row: None };
        jobs.inner.store.tick(once).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::{Filter, Job, Json};
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    struct Sweep {
        at: u64,
    }

    impl Job for Sweep {
        const KIND: &'static str = "sweep";
        const QUEUE: &'static str = "sweeps";
        type Codec = Json;
    }

    fn yearly() -> Schedule {
        Schedule::new("sweep", "0 0 1 1 *".parse().unwrap(), |tick| {
            let at = tick.at.duration_since(UNIX_EPOCH).unwrap_or_default();
            NewJob::new(Sweep { at: at.as_secs() })
        })
    }

    async fn swept(jobs: &Jobs) -> Vec<u64> {
        let page = jobs.list(Filter::new()).await.unwrap();
        page.jobs.iter().map(|job| job.decode::<Sweep>().unwrap().at).collect()
    }

    #[tokio::test]
    async fn a_new_schedule_makes_up_for_nothing() {
        let jobs = Jobs::connect("sqlite::memory:").await.unwrap();

        yearly().tick(&jobs).await.unwrap();

        assert!(swept(&jobs).await.is_empty());
    }

    #[tokio::test]
    async fn a_maker_that_panics_is_a_tick_that_is_not_taken() {
        let jobs = Jobs::connect("sqlite::memory:").await.unwrap();
        let schedule = Schedule::new("sweep", "* * * * *".parse().unwrap(), |_| panic!("as told"));

        let refused = schedule.tick(&jobs).await.unwrap_err();

        assert!(refused.to_string().contains("panicked: as told"), "{refused}");
        assert!(swept(&jobs).await.is_empty());
    }

    #[tokio::test]
    async fn of_missed_ticks_the_latest_is_enqueued_by_one_process_alone() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("jobs.db").display());
        let (one, two) = (Jobs::connect(&url).await.unwrap(), Jobs::connect(&url).await.unwrap());
        let mut tx = one.begin().await.unwrap();
        sqlx::query("INSERT INTO mcsv_job_ticks VALUES ('sweep 0 0 1 1 *', 1)")
            .execute(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();

        let (first, second) = (yearly(), yearly());
        let (a, b) = tokio::join!(first.tick(&one), second.tick(&two));
        first.tick(&one).await.unwrap();

        let [at] = swept(&two).await[..] else { panic!("one tick") };
        assert_eq!(at % 86_400, 0, "a midnight");
        assert!(a.unwrap() < Duration::from_secs(367 * 86_400) && b.is_ok());
    }
}
