//! What a queue owes, whatever happened to its processes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use mcsv_jobs::{BoxError, Event, EventCursor, Filter, JobId, JobRecord, Jobs, State, Transition};

use crate::faults::{Fault, FaultKind, WORKERS};
use crate::parts::{self, CONCURRENCY, LEASE, Step};

/// How long after its lease a job may wait for its rescue.
const RESCUE: Duration = Duration::from_secs(1);

/// The figures of a run that owed nothing.
pub(crate) struct Figures {
    jobs: usize,
    faults: [usize; 3],
    rescued: usize,
    repeated: usize,
    most_repeated: usize,
    /// After a kill, and after a stop.
    slowest: [Duration; 2],
}

pub(crate) async fn check(
    jobs: &Jobs,
    folder: &Path,
    faults: &[Fault],
) -> Result<Figures, BoxError> {
    let report = jobs.verify().await?;
    if !report.is_sound() {
        return Err(format!("rows and events do not agree: {report}").into());
    }
    let records = all(jobs).await?;
    let effects = counts(folder, "effects")?;
    // Of the others the effect is what is left.
    let fleeting = effects.keys().copied().filter(|number| parts::is_fleeting(*number));
    let found: BTreeSet<i64> = records.keys().copied().chain(fleeting).collect();
    check_producers(jobs, folder, &found).await?;
    let mut figures = Figures::of(found.len(), faults);
    for (number, record) in &records {
        let events = jobs.history(record.id).await?.events().to_vec();
        check_job(*number, record, &events, effects.get(number).copied().unwrap_or(0))?;
        figures.rescues(&events, faults)?;
    }
    let known: BTreeSet<JobId> = records.values().map(|record| record.id).collect();
    for (id, events) in lives(jobs).await?.into_iter().filter(|(id, _)| !known.contains(id)) {
        if !is_fair(&events) {
            return Err(format!("fleeting job {id}: {}", told(&events)).into());
        }
        figures.rescues(&events, faults)?;
    }
    figures.repeated = effects.values().sum::<usize>() - effects.len();
    if effects.len() > found.len() || figures.repeated > figures.most_repeated {
        return Err(format!("more effects than owed: {figures}").into());
    }
    Ok(figures)
}

/// Every job by its number.
async fn all(jobs: &Jobs) -> Result<BTreeMap<i64, JobRecord>, BoxError> {
    let mut records = BTreeMap::new();
    let mut filter = Filter::new().with_limit(Filter::MOST);
    loop {
        let page = jobs.list(filter.clone()).await?;
        for record in page.jobs {
            let number = record.decode::<Step>()?.number;
            if records.insert(number, record).is_some() {
                return Err(format!("step {number} is two jobs").into());
            }
        }
        let Some(next) = page.next else { return Ok(records) };
        filter = filter.with_page(next);
    }
}

/// No answered job is lost, none is invented, and an order has its job and the other way round.
async fn check_producers(
    jobs: &Jobs,
    folder: &Path,
    found: &BTreeSet<i64>,
) -> Result<(), BoxError> {
    let asked: BTreeSet<i64> = counts(folder, "asked")?.into_keys().collect();
    let answered: BTreeSet<i64> = counts(folder, "answered")?.into_keys().collect();
    let ordered: BTreeSet<i64> = parts::orders(jobs).await?.into_iter().collect();
    let even = found.iter().copied().filter(|number| number % 2 == 0).collect();
    let lost: Vec<_> = answered.difference(found).collect();
    let invented: Vec<_> = found.difference(&asked).collect();
    let torn: Vec<_> = ordered.symmetric_difference(&even).collect();
    if !(lost.is_empty() && invented.is_empty() && torn.is_empty()) {
        return Err(format!("lost {lost:?}, invented {invented:?}, torn {torn:?}").into());
    }
    Ok(())
}

/// How often each number is in a journal. A last line without an end was never written.
fn counts(folder: &Path, name: &str) -> Result<BTreeMap<i64, usize>, BoxError> {
    let mut counts = BTreeMap::new();
    let text = std::fs::read_to_string(folder.join(name))?;
    for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
        *counts.entry(line.parse()?).or_insert(0) += 1;
    }
    Ok(counts)
}

fn check_job(
    number: i64,
    record: &JobRecord,
    events: &[Event],
    effects: usize,
) -> Result<(), BoxError> {
    // The result names the attempt that it is of: a stale one would name an earlier.
    let own = record.result == Some(record.attempt.into());
    let is_ended = record.state == State::Completed && own;
    if is_ended && is_fair(events) && (1..=starts(events)).contains(&effects) {
        return Ok(());
    }
    let (state, result, log) = (record.state, &record.result, told(events));
    Err(format!("step {number}: {state}, result {result:?}, {effects} effects, {log}").into())
}

/// Whether a job was completed once, and started again after each rescue and for nothing else.
fn is_fair(events: &[Event]) -> bool {
    let is_whole = events.first().is_some_and(|event| event.transition == Transition::Enqueued);
    is_whole
        && count(events, Transition::Completed) == 1
        && starts(events) == 1 + count(events, Transition::Rescued)
}

/// A claim whose answer was lost is given back before anything of it has begun.
fn starts(events: &[Event]) -> usize {
    count(events, Transition::Started).saturating_sub(count(events, Transition::Released))
}

fn count(events: &[Event], wanted: Transition) -> usize {
    events.iter().filter(|event| event.transition == wanted).count()
}

fn told(events: &[Event]) -> String {
    let log: Vec<_> = events.iter().map(|event| event.transition.as_str()).collect();
    format!("{log:?}")
}

/// The events of every job that has any.
async fn lives(jobs: &Jobs) -> Result<BTreeMap<JobId, Vec<Event>>, BoxError> {
    let mut lives = BTreeMap::<_, Vec<_>>::new();
    let mut cursor = EventCursor::BEGINNING;
    loop {
        let page = jobs.events_after(cursor, 1_000).await?;
        if page.events.is_empty() {
            return Ok(lives);
        }
        for logged in page.events {
            lives.entry(logged.event.job).or_default().push(logged.event);
        }
        cursor = page.next;
    }
}

impl Figures {
    fn of(jobs: usize, faults: &[Fault]) -> Self {
        let count = |wanted| faults.iter().filter(|fault| fault.kind == wanted).count();
        let (killed, stopped) = (count(FaultKind::KilledWorker), count(FaultKind::Stopped));
        Figures {
            jobs,
            faults: [killed, count(FaultKind::KilledProducer), stopped],
            rescued: 0,
            repeated: 0,
            // A stopped process may hold SQLite's write lock, and then all workers outlive their
            // leases.
            most_repeated: (killed + stopped * WORKERS) * CONCURRENCY,
            slowest: [Duration::ZERO; 2],
        }
    }

    /// Each rescue of a job comes in time after what happened to its worker.
    fn rescues(&mut self, events: &[Event], faults: &[Fault]) -> Result<(), BoxError> {
        for pair in events.windows(2).filter(|pair| pair[1].transition == Transition::Rescued) {
            self.rescued += 1;
            let (started, rescued) = (&pair[0], &pair[1]);
            // Without a fault of its own it was locked out by a stopped one.
            let Some(fault) = fault_of(started, rescued.at, faults) else { continue };
            let since = fault.from.max(started.at);
            let waited = rescued.at.duration_since(since)?;
            // What a stopped process has locked stays locked until it goes on.
            let locked = locked(faults, since, rescued.at);
            if waited > LEASE + RESCUE + locked {
                return Err(format!("a rescue took {waited:?}, with {locked:?} locked").into());
            }
            let slowest = usize::from(fault.kind == FaultKind::Stopped);
            self.slowest[slowest] = self.slowest[slowest].max(waited);
        }
        Ok(())
    }
}

/// What last happened to the worker of a job before its rescue.
fn fault_of<'a>(started: &Event, rescued: SystemTime, faults: &'a [Fault]) -> Option<&'a Fault> {
    let pid: u32 = started.worker.split('-').next()?.parse().ok()?;
    let hits = faults.iter().filter(|fault| {
        let over = fault.kind == FaultKind::Stopped && fault.until < started.at;
        fault.pid == pid && fault.from <= rescued && !over
    });
    hits.max_by_key(|fault| fault.from)
}

/// How much of the time between two instants any process was stopped.
fn locked(faults: &[Fault], from: SystemTime, until: SystemTime) -> Duration {
    let stops = faults.iter().filter(|fault| fault.kind == FaultKind::Stopped);
    let overlaps = stops.map(|stop| {
        let (from, until) = (stop.from.max(from), stop.until.min(until));
        until.duration_since(from).unwrap_or_default()
    });
    overlaps.sum()
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { jobs, faults: [workers, producers, stops], .. } = self;
        let Figures { rescued, repeated, most_repeated, slowest: [slowest, stopped], .. } = self;
        write!(
            f,
            "{jobs} jobs, {workers} workers and {producers} producers killed, {stops} workers \
             stopped: 0 lost, 0 invented, 0 stale, {rescued} rescued (slowest {slowest:?} after a \
             kill, {stopped:?} after a stop), \
             {repeated} effects again (at most {most_repeated})"
        )
    }
}
