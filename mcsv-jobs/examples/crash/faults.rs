//! When processes are killed, stopped and let go on.

use std::path::Path;
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use mcsv_jobs::{BoxError, Job as _, Jobs};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::parts::{LEASE, Step};

pub(crate) const WORKERS: usize = 3;
/// One fault in so many stops a worker instead of killing something.
const STOPS: usize = 25;
/// One kill in so many is a producer's.
const PRODUCERS: usize = 5;
/// How much longer than its lease a worker is stopped.
const BEYOND: Duration = Duration::from_millis(1_500);
const LONG: Duration = Duration::from_secs(120);

/// What was done to one process.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    pub(crate) pid: u32,
    pub(crate) from: SystemTime,
    pub(crate) until: SystemTime,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum FaultKind {
    KilledWorker,
    KilledProducer,
    Stopped,
}

pub(crate) struct Scene<'a> {
    pub(crate) jobs: &'a Jobs,
    pub(crate) url: &'a str,
    pub(crate) folder: &'a Path,
}

/// The processes, and the numbers that the next producer begins with.
struct Cast {
    workers: Vec<Child>,
    producer: Child,
    producers: i64,
}

impl Scene<'_> {
    /// Plays `kills` kills, and a stop beyond the lease with every 25th of them, then lets the queue
    /// empty itself.
    pub(crate) async fn play(&self, kills: usize, seed: u64) -> Result<Vec<Fault>, BoxError> {
        let mut rng = Rng::with_seed(seed);
        let mut workers = Vec::new();
        for _ in 0..WORKERS {
            workers.push(self.start_worker()?);
        }
        let mut cast = Cast { workers, producer: self.start_producer(0)?, producers: 1 };
        let mut faults = Vec::new();
        let mut asleep: Option<(Instant, usize, Fault)> = None;
        for number in 1..=kills {
            sleep(Duration::from_millis(rng.u64(50..400))).await;
            if let Some((_, index, fault)) = asleep.take_if(|(until, ..)| *until <= Instant::now())
            {
                faults.push(wake(&cast.workers[index], fault).await?);
            }
            if number % STOPS == 0 && asleep.is_none() {
                let index = rng.usize(..WORKERS);
                let fault = stop(&cast.workers[index]).await?;
                asleep = Some((Instant::now() + LEASE + BEYOND, index, fault));
            }
            let sleeper = asleep.as_ref().map(|(_, index, _)| *index);
            faults.push(self.kill_one(&mut cast, &mut rng, sleeper).await?);
        }
        if let Some((until, index, fault)) = asleep {
            sleep_until(until).await;
            faults.push(wake(&cast.workers[index], fault).await?);
        }
        cast.producer.kill().await?;
        self.empty().await?;
        for mut worker in cast.workers {
            worker.kill().await?;
        }
        Ok(faults)
    }

    async fn kill_one(
        &self,
        cast: &mut Cast,
        rng: &mut Rng,
        sleeper: Option<usize>,
    ) -> Result<Fault, BoxError> {
        if rng.usize(..PRODUCERS) == 0 {
            let fault = kill(&mut cast.producer, FaultKind::KilledProducer).await?;
            // Far from the numbers of the one before, whose last is not known.
            cast.producer = self.start_producer(cast.producers * 1_000_000)?;
            cast.producers += 1;
            return Ok(fault);
        }
        let awake: Vec<usize> = (0..WORKERS).filter(|index| Some(*index) != sleeper).collect();
        let index = awake[rng.usize(..awake.len())];
        let fault = kill(&mut cast.workers[index], FaultKind::KilledWorker).await?;
        cast.workers[index] = self.start_worker()?;
        Ok(fault)
    }

    async fn empty(&self) -> Result<(), BoxError> {
        let emptied = async {
            while self.jobs.queue_stats(Step::QUEUE).await?.unfinished() > 0 {
                sleep(Duration::from_millis(50)).await;
            }
            Ok::<_, BoxError>(())
        };
        timeout(LONG, emptied).await.map_err(|_| "jobs are left: some were lost")?
    }

    fn start_worker(&self) -> Result<Child, BoxError> {
        self.start(&["work", self.url])
    }

    fn start_producer(&self, first: i64) -> Result<Child, BoxError> {
        self.start(&["produce", self.url, &first.to_string()])
    }

    fn start(&self, arguments: &[&str]) -> Result<Child, BoxError> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(&arguments[..2]).arg(self.folder).args(&arguments[2..]);
        Ok(command.kill_on_drop(true).spawn()?)
    }
}

async fn kill(child: &mut Child, kind: FaultKind) -> Result<Fault, BoxError> {
    let pid = child.id().ok_or("a process ended by itself")?;
    let from = SystemTime::now();
    child.kill().await?;
    Ok(Fault { kind, pid, from, until: SystemTime::now() })
}

async fn stop(child: &Child) -> Result<Fault, BoxError> {
    let pid = child.id().ok_or("a worker ended by itself")?;
    signal("-STOP", pid).await?;
    let from = SystemTime::now();
    Ok(Fault { kind: FaultKind::Stopped, pid, from, until: from })
}

async fn wake(child: &Child, fault: Fault) -> Result<Fault, BoxError> {
    signal("-CONT", child.id().ok_or("a stopped worker ended")?).await?;
    Ok(Fault { until: SystemTime::now(), ..fault })
}

async fn signal(name: &str, pid: u32) -> Result<(), BoxError> {
    let status = Command::new("kill").arg(name).arg(pid.to_string()).status().await?;
    if status.success() { Ok(()) } else { Err(format!("kill {name} {pid}: {status}").into()) }
}
