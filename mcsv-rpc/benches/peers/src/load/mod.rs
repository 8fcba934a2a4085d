//! The load: calls in a closed loop from one thread, and the slices of each case in turn.

mod http1;
mod http2;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use rustix::thread::{CpuSet, Pid, sched_setaffinity};

use crate::BoxError;
use crate::cases::{Case, Group, Http, Request, chosen};
use crate::child::ServerProcess;
use crate::report::{self, Slice};

/// How often each server is started anew: where the system happens to put its memory makes as much as
/// ten in a hundred for long messages, and stays as long as the process.
const LIVES: usize = 9;

/// Slices are short and many, so that what else the machine does hits all cases alike.
const ROUNDS: usize = 5;
const SLICE: Duration = Duration::from_millis(150);

/// When a load ends.
#[derive(Clone, Copy)]
pub(crate) enum Until {
    Time(Instant),
    Calls(u64),
}

impl Until {
    pub(super) fn is_over(self, calls: u64) -> bool {
        match self {
            Until::Time(end) => Instant::now() >= end,
            Until::Calls(most) => calls >= most,
        }
    }
}

/// The connections of one case.
pub(crate) enum Load {
    One(Vec<http1::Connection>),
    Two(Vec<http2::Connection>),
}

impl Load {
    /// 32 connections of HTTP/1.1, or 8 of HTTP/2 with four streams each.
    pub(crate) async fn full(server: SocketAddr, request: &Request) -> Result<Self, BoxError> {
        match request.http {
            Http::One => Load::start(server, request, 32, 1).await,
            Http::Two => Load::start(server, request, 8, 4).await,
        }
    }

    pub(crate) async fn start(
        server: SocketAddr,
        request: &Request,
        connections: usize,
        streams: usize,
    ) -> Result<Self, BoxError> {
        let each = 0..connections;
        Ok(match request.http {
            Http::One => {
                let opened = each.map(|_| http1::Connection::open(server, request));
                Load::One(try_join_all(opened).await?)
            }
            Http::Two => {
                let opened = each.map(|_| http2::Connection::open(server, request, streams));
                Load::Two(try_join_all(opened).await?)
            }
        })
    }

    /// Calls on every connection until it is over, and gives the number of calls.
    pub(crate) async fn run(&mut self, until: Until) -> Result<u64, BoxError> {
        let calls = match self {
            Load::One(all) => try_join_all(all.iter_mut().map(|each| each.run(until))).await?,
            Load::Two(all) => try_join_all(all.iter_mut().map(|each| each.run(until))).await?,
        };
        Ok(calls.into_iter().sum())
    }
}

pub(crate) fn measure(words: &[&str]) -> Result<(), BoxError> {
    pin(0, 1)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for Group { name, cases } in chosen(words) {
        let mut slices: Vec<Vec<Slice>> = cases.iter().map(|_| Vec::new()).collect();
        for _ in 0..LIVES {
            runtime.block_on(live(&cases, &mut slices))?;
        }
        report::print_load(name, &cases, &slices);
    }
    Ok(())
}

/// Starts the servers, and adds what each does in turn to its `slices`.
async fn live(cases: &[Case], slices: &mut [Vec<Slice>]) -> Result<(), BoxError> {
    let mut runs = Vec::new();
    for case in cases {
        runs.push(Run::start(case).await?);
    }
    for round in 0..=ROUNDS {
        for turn in 0..runs.len() {
            let at = (turn + round) % runs.len();
            let slice = runs[at].slice().await?;
            // The first round warms up.
            if round > 0 {
                slices[at].push(slice);
            }
        }
    }
    Ok(())
}

struct Run {
    server: ServerProcess,
    load: Load,
}

impl Run {
    async fn start(case: &Case) -> Result<Self, BoxError> {
        let server = ServerProcess::start(&[], case.server)?;
        pin(server.id(), 0)?;
        let load = Load::full(server.address, &case.request).await;
        let load = load.map_err(|error| format!("{}: {error}", case.name))?;
        Ok(Run { server, load })
    }

    async fn slice(&mut self) -> Result<Slice, BoxError> {
        let cpu = self.server.cpu_time()?;
        let start = Instant::now();
        let calls = self.load.run(Until::Time(start + SLICE)).await? as f64;
        let elapsed = start.elapsed().as_secs_f64();
        let cpu = (self.server.cpu_time()? - cpu) as f64;
        Ok(Slice { rate: calls / elapsed, cpu: cpu / 1000.0 / calls })
    }
}

/// Keeps a process, 0 for this one, to one processor, where there is more than one.
fn pin(process: i32, processor: usize) -> Result<(), BoxError> {
    if std::thread::available_parallelism()?.get() > 1 {
        let mut set = CpuSet::new();
        set.set(processor);
        sched_setaffinity(Pid::from_raw(process), &set)?;
    }
    Ok(())
}
