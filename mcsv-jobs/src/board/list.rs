use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use apalis_core::backend::queue::Queue;
use apalis_core::backend::{
    FetchById, ListAllTasks, ListQueues, ListTasks, ListWorkers, Metrics, QueueInfo, RunningWorker,
    StatType, Statistic,
};
use apalis_core::task::Task;
use apalis_core::task::builder::TaskBuilder;
use apalis_core::task::metadata::MetadataStore;
use apalis_core::task::status::Status;
use apalis_core::task::task_id::TaskId;
use serde::Serialize;
use serde_json::{Value, json};

use super::Board;
use crate::{Error, Filter, Job, JobId, JobRecord, QueueStats, State};

type AskedFor = apalis_core::backend::Filter;

/// The most jobs before those of a page: pages are counted from the newest job, and somebody who looks
/// further back wants a [`Filter`].
const MOST_BEFORE: u64 = 10_000;

impl<J: Job + Serialize> ListTasks for Board<J> {
    /// Those whose arguments are none of this kind are left out, with a warning that names them.
    async fn list_tasks(&self, filter: &AskedFor) -> Result<Vec<Task<Value>>, Error> {
        let of_kind = Filter::new().with_queue(J::QUEUE).with_kind(J::KIND);
        let records = self.page(of_kind, filter).await?;
        let tasks = records.iter().map(|record| Ok(task(record, self.opened(record)?)));
        Ok(tasks
            .filter_map(|task: Result<_, (JobId, Error)>| {
                task.inspect_err(|(job, error)| {
                    tracing::warn!(%job, %error, "left a job out of a list");
                })
                .ok()
            })
            .collect())
    }
}

impl<J: Job> ListAllTasks for Board<J> {
    /// Every kind and queue; arguments that are no JSON are told by their size, sealed ones by their key.
    async fn list_all_tasks(&self, filter: &AskedFor) -> Result<Vec<Task<Value>>, Error> {
        let records = self.page(Filter::new(), filter).await?;
        Ok(records.iter().map(|record| task(record, shown(record))).collect())
    }
}

impl<J: Job + Serialize> FetchById for Board<J> {
    async fn fetch_by_id(&mut self, task_id: &TaskId) -> Result<Option<Task<Value>>, Error> {
        let Some(record) = self.jobs.get(task_id.to_string().parse()?).await? else {
            return Ok(None);
        };
        if record.kind != J::KIND {
            return Ok(None);
        }
        let args = self.opened(&record).map_err(|(_, error)| error)?;
        Ok(Some(task(&record, args)))
    }
}

impl<J: Job> ListQueues for Board<J> {
    /// The days of activity are empty: no number is kept for them.
    async fn list_queues(&self) -> Result<Vec<QueueInfo>, Error> {
        let mut workers = BTreeMap::<String, Vec<String>>::new();
        for worker in self.workers(Filter::new()).await? {
            workers.entry(worker.queue).or_default().push(worker.id);
        }
        let queues = self.jobs.stats().await?.into_iter().map(|stats| QueueInfo {
            workers: workers.remove(&stats.queue).unwrap_or_default(),
            stats: numbers(&[&stats]),
            name: stats.queue,
            activity: Vec::new(),
        });
        Ok(queues.collect())
    }
}

impl<J: Job> ListWorkers for Board<J> {
    /// The workers that hold a job now, up to 1,000 jobs; one that waits is in no list.
    async fn list_workers(&self) -> Result<Vec<RunningWorker>, Error> {
        self.workers(Filter::new().with_queue(J::QUEUE)).await
    }

    async fn list_all_workers(&self) -> Result<Vec<RunningWorker>, Error> {
        self.workers(Filter::new()).await
    }
}

impl<J: Job> Metrics for Board<J> {
    async fn global(&self) -> Result<Vec<Statistic>, Error> {
        let stats = self.jobs.stats().await?;
        Ok(numbers(&stats.iter().collect::<Vec<_>>()))
    }

    async fn fetch_by_queue(&self) -> Result<Vec<Statistic>, Error> {
        Ok(numbers(&[&self.jobs.queue_stats(J::QUEUE).await?]))
    }
}

impl<J: Job> Board<J> {
    async fn page(&self, filter: Filter, asked: &AskedFor) -> Result<Vec<JobRecord>, Error> {
        let states = asked.status.as_ref().map(states);
        if states.is_some_and(<[State]>::is_empty) {
            return Ok(Vec::new());
        }
        let filter = filter.with_states(states.unwrap_or(&[]).iter().copied());
        let size = asked.limit().clamp(1, Filter::MOST);
        let mut before = u64::from(asked.page.saturating_sub(1)) * u64::from(size);
        if before > MOST_BEFORE {
            return Err(Error::invalid(format!(
                "page {} of {size} jobs: look at most {MOST_BEFORE} jobs back, or ask for a state",
                asked.page
            )));
        }
        let mut next = None;
        loop {
            let step = if before > 0 { before.min(u64::from(Filter::MOST)) as u32 } else { size };
            let mut filter = filter.clone().with_limit(step);
            if let Some(token) = next {
                filter = filter.with_page(token);
            }
            let page = self.jobs.list(filter).await?;
            if before == 0 {
                return Ok(page.jobs);
            }
            before -= u64::from(step);
            next = match page.next {
                Some(token) => Some(token),
                None => return Ok(Vec::new()),
            };
        }
    }

    async fn workers(&self, filter: Filter) -> Result<Vec<RunningWorker>, Error> {
        let at_work = filter.with_state(State::Executing).with_limit(Filter::MOST);
        let mut workers = BTreeMap::new();
        for job in self.jobs.list(at_work).await?.jobs {
            let began = job.attempted_at.map(seconds).unwrap_or_default();
            let worker = workers.entry((job.queue, job.attempted_by)).or_insert((began, began));
            *worker = (began.min(worker.0), began.max(worker.1));
        }
        let workers = workers.into_iter().map(|((queue, id), (first, last))| RunningWorker {
            id,
            queue,
            backend: "mcsv-jobs".to_owned(),
            started_at: first,
            last_heartbeat: last,
            layers: String::new(),
        });
        Ok(workers.collect())
    }
}

impl<J: Job + Serialize> Board<J> {
    fn opened(&self, record: &JobRecord) -> Result<Value, (JobId, Error)> {
        let args = self.jobs.open::<J>(record).and_then(|args| {
            serde_json::to_value(&args)
                .map_err(|_| Error::invalid(format!("job of kind {}: it has no JSON", J::KIND)))
        });
        args.map_err(|error| (record.id, error))
    }
}

/// The arguments of a job of any kind, as far as they can be shown.
fn shown(record: &JobRecord) -> Value {
    match &record.sealed_with {
        Some(key) => json!({ "sealed_with": key }),
        None => serde_json::from_slice(&record.args)
            .unwrap_or_else(|_| json!({ "bytes": record.args.len() })),
    }
}

fn task(record: &JobRecord, args: Value) -> Task<Value> {
    let mut metadata = MetadataStore::new();
    metadata.extend([("kind".to_owned(), record.kind.clone())]);
    if let Some(trace) = record.trace_id {
        metadata.extend([("trace_id".to_owned(), trace.to_string())]);
    }
    let holder = (record.state == State::Executing).then(|| record.attempted_by.clone());
    let mut builder = TaskBuilder::new(args)
        .with_metadata(metadata)
        .task_id(TaskId::from_int(record.id.get().unsigned_abs()))
        .status(status(record.state))
        .attempt(record.attempt as usize)
        .max_attempts(record.max_attempts as usize)
        .priority(usize::try_from(record.priority).unwrap_or_default())
        .queue(Queue::from(record.queue.as_str()))
        .run_at_time(record.scheduled_at)
        .done_at(record.finished_at.map(seconds))
        .lock_at(record.attempted_at.map(seconds))
        .lock_by(holder);
    if let Some(key) = &record.unique_key {
        builder = builder.idempotency_key(key);
    }
    builder.build()
}

fn numbers(queues: &[&QueueStats]) -> Vec<Statistic> {
    let number = |(priority, state): (u64, State)| Statistic {
        title: state.to_string(),
        stat_type: StatType::Number,
        value: queues.iter().map(|queue| queue.count(state)).sum::<u64>().to_string(),
        priority: Some(priority),
    };
    (1..).zip(State::ALL).map(number).collect()
}

fn status(state: State) -> Status {
    match state {
        State::Available | State::Scheduled => Status::Pending,
        State::Executing => Status::Running,
        State::Retryable => Status::Failed,
        State::Completed => Status::Done,
        State::Discarded | State::Cancelled => Status::Killed,
    }
}

fn states(status: &Status) -> &'static [State] {
    match status {
        Status::Pending => &[State::Available, State::Scheduled],
        Status::Running => &[State::Executing],
        Status::Failed => &[State::Retryable],
        Status::Done => &[State::Completed],
        Status::Killed => &[State::Discarded, State::Cancelled],
        // No job waits between its claim and its start; nor is one in a status yet to be invented.
        _ => &[],
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
