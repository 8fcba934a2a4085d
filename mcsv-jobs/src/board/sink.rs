use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use apalis_core::task::Task;
use futures_util::Sink;

use super::Board;
use crate::{Error, Job, NewJob};

/// Tasks that are written at once, at most.
const MOST: usize = 1_000;

/// Tasks on their way to the database.
#[derive(Default)]
pub(super) struct Pending {
    accepted: Vec<NewJob>,
    writing: Option<Writing>,
}

/// Never locked: apalis-board shares what it shows between threads, and a future can't be shared.
type Writing = Mutex<Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>>;

impl<J: Job> Sink<Task<J>> for Board<J> {
    type Error = Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match self.pending.accepted.len() < MOST {
            true => Poll::Ready(Ok(())),
            false => self.poll_flush(cx),
        }
    }

    fn start_send(self: Pin<&mut Self>, task: Task<J>) -> Result<(), Error> {
        self.get_mut().pending.accepted.push(job(task));
        Ok(())
    }

    /// All that were accepted since the last flush are enqueued in one transaction, or none.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let this = self.get_mut();
        loop {
            if let Some(writing) = &mut this.pending.writing {
                let writing = writing.get_mut().unwrap_or_else(PoisonError::into_inner);
                let written = ready!(writing.as_mut().poll(cx));
                this.pending.writing = None;
                written?;
            }
            if this.pending.accepted.is_empty() {
                return Poll::Ready(Ok(()));
            }
            let (jobs, accepted) = (this.jobs.clone(), std::mem::take(&mut this.pending.accepted));
            let writing = async move { jobs.enqueue_all(accepted).await.map(drop) };
            this.pending.writing = Some(Mutex::new(Box::pin(writing)));
        }
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.poll_flush(cx)
    }
}

/// The job that a task asks for: with its time, priority and attempts, where it gives them.
fn job<J: Job>(task: Task<J>) -> NewJob {
    let (args, context) = task.take();
    let mut job = NewJob::new(args);
    if let Some(time) = context.run_at().map(|at| UNIX_EPOCH + Duration::from_secs(at)) {
        // Every task has a time, most of them that of their making.
        if time > SystemTime::now() {
            job = job.at(time);
        }
    }
    if let Some(priority) = context.priority() {
        job = job.priority(i32::try_from(priority).unwrap_or(i32::MAX));
    }
    if let Some(attempts) = context.max_attempts() {
        job = job.max_attempts(u32::try_from(attempts).unwrap_or(u32::MAX));
    }
    match context.queue() {
        Some(queue) => job.queue(queue.as_ref()),
        None => job,
    }
}
