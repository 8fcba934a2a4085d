use std::collections::HashSet;

use super::in_flight::Ended;
use crate::store::{Ack, Fate};
use crate::{Event, JobId, Jobs, State, Transition, trace};

/// The outcomes that are sent again because nobody heard whether they were written.
///
/// The fence refuses the second of two equal outcomes like that of a stranger. Which it was is in
/// the log.
#[derive(Default)]
pub(super) struct Resent {
    /// Job and fence of what has been sent before.
    sent: HashSet<(i64, i64)>,
    /// Refused, and perhaps written before.
    doubtful: Vec<Ended>,
}

impl Resent {
    /// A turn with these failed: they will be sent again.
    pub(super) fn failed(&mut self, acks: &[Ended]) {
        self.sent.extend(acks.iter().map(|(ack, _)| (ack.id, ack.fence)));
    }

    pub(super) fn refused(&mut self, queue: &str, ack: Ack, kind: String) {
        if ack.may_be_done {
            let (fate, follow_ups) = (Fate::completed(), Vec::new());
            return self.doubtful.push((Ack { fate, follow_ups, ..ack }, kind));
        }
        // What a rescuer writes, another rescuer may have written just so.
        if self.sent.contains(&(ack.id, ack.fence)) && ack.seen_lease.is_none() {
            self.doubtful.push((ack, kind));
        } else {
            lost(queue, &ack, &kind);
        }
    }

    /// Counts the refused ones by what the log says of them: finished, or lost.
    ///
    /// Those that are still `untold`, because somebody has locked their rows, may yet be refused.
    pub(super) async fn recognise(
        &mut self,
        jobs: &Jobs,
        queue: &str,
        owner: &str,
        untold: &[Ended],
    ) {
        self.sent.retain(|sent| untold.iter().any(|(ack, _)| *sent == (ack.id, ack.fence)));
        if self.doubtful.is_empty() {
            return;
        }
        let doubtful = std::mem::take(&mut self.doubtful);
        let ids: Vec<i64> = doubtful.iter().map(|(ack, _)| ack.id).collect();
        let logs = jobs.inner.store.logs(&ids).await.unwrap_or_else(|error| {
            let cause = &error as &dyn std::error::Error;
            tracing::warn!(queue, error = cause, "outcomes count as lost: the log can't be read");
            Default::default()
        });
        for (ack, kind) in doubtful {
            let log = logs.get(&ack.id).map_or(&[][..], Vec::as_slice);
            let is_ended = if log.is_empty() && !ack.is_logged {
                is_forgotten(jobs, &ack).await
            } else {
                has_end(log, &ack, owner)
            };
            if !is_ended {
                lost(queue, &ack, &kind);
                continue;
            }
            trace::count_finished(queue, &kind, &ack.fate);
            // Whose ids and whether they are new is not known any more.
            for row in &ack.follow_ups {
                jobs.inner.ring(&row.queue);
            }
            if ack.fate.state.is_finished() {
                jobs.inner.tell_watchers();
            }
            if ack.may_end_batch && ack.may_be_done {
                close_batch_of(jobs, &ack).await;
            }
        }
    }
}

/// The handler's transaction has not done it. Nor need this: what is left open is closed later.
async fn close_batch_of(jobs: &Jobs, ack: &Ack) {
    let Ok(id) = JobId::new(ack.id) else { return };
    match jobs.inner.store.close_batch_of(id).await {
        Ok(completions) => jobs.inner.announce_completions(&completions),
        Err(error) => {
            let cause = &error as &dyn std::error::Error;
            tracing::warn!(job.id = %id, error = cause, "its batch is looked after later");
        }
    }
}

/// Whether an attempt that had no log completed its job: of a job that ends in another way there is one.
async fn is_forgotten(jobs: &Jobs, ack: &Ack) -> bool {
    let Ok(id) = JobId::new(ack.id) else { return false };
    ack.fate.state == State::Completed && matches!(jobs.get(id).await, Ok(None))
}

fn lost(queue: &str, ack: &Ack, kind: &str) {
    trace::count_lease_lost(queue, kind);
    tracing::warn!(job.id = ack.id, "a stale outcome is refused: the lease was lost");
}

/// Whether the attempt of this ack, which is that of its fence, ended in this log as the ack says.
fn has_end(log: &[Event], ack: &Ack, owner: &str) -> bool {
    let mut starts = 0;
    let mut since_start = log.iter().skip_while(|event| {
        starts += i64::from(event.transition == Transition::Started);
        starts < ack.fence
    });
    let ours = since_start.next().is_some_and(|start| start.worker == owner);
    let end = since_start.find(|event| event.transition != Transition::CancelRequested);
    let is_end = |event: &Event| {
        // Somebody may have called it off in the last moment.
        let transitions = [ack.fate.transition, Transition::Cancelled];
        transitions.contains(&event.transition) && event.detail == ack.fate.detail
    };
    ours && end.is_some_and(is_end)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use Transition::{CancelRequested, Completed, Discarded, Enqueued, Rescued, Snoozed, Started};

    fn ack(fence: i64, transition: Transition, state: State, detail: &str) -> Ack {
        let detail = detail.to_owned();
        let fate = Fate { transition, state, detail, ..Fate::completed() };
        let (follow_ups, seen_lease) = (Vec::new(), None);
        Ack {
            id: 1,
            fence,
            started_at: 0,
            fate,
            follow_ups,
            seen_lease,
            may_end_batch: false,
            may_be_done: false,
            is_logged: true,
        }
    }

    fn log(events: &[(Transition, &str, &str)]) -> Vec<Event> {
        let event = |(transition, worker, detail): &(Transition, &str, &str)| Event {
            sequence: 0,
            job: JobId::new(1).unwrap(),
            at: SystemTime::UNIX_EPOCH,
            transition: *transition,
            state: State::Available,
            attempt: 1,
            worker: (*worker).to_owned(),
            detail: (*detail).to_owned(),
        };
        events.iter().map(event).collect()
    }

    #[test]
    fn an_outcome_that_is_in_the_log_under_its_fence_was_written() {
        let done = ack(2, Completed, State::Completed, "");
        let (first, second) = ((Started, "me", ""), (Started, "me", ""));
        let snoozed = (Snoozed, "me", "for 5s");
        let end = (Completed, "me", "");

        let whole = log(&[(Enqueued, "", ""), first, snoozed, second, end]);
        assert!(has_end(&whole, &done, "me"));
        assert!(has_end(&whole, &ack(1, Snoozed, State::Scheduled, "for 5s"), "me"));
        let called_off = log(&[first, snoozed, second, (CancelRequested, "me", ""), end]);
        assert!(has_end(&called_off, &done, "me"));
    }

    #[test]
    fn an_end_of_somebody_else_or_of_another_attempt_is_none_of_ours() {
        let done = ack(1, Completed, State::Completed, "");
        let lost = "the worker that ran it was lost";
        for others in [
            log(&[]),
            log(&[(Enqueued, "", ""), (Started, "me", "")]),
            log(&[
                (Started, "me", ""),
                (Rescued, "me", lost),
                (Started, "me", ""),
                (Completed, "me", ""),
            ]),
            log(&[(Started, "you", ""), (Completed, "you", "")]),
            log(&[(Started, "me", ""), (Discarded, "me", lost)]),
        ] {
            assert!(!has_end(&others, &done, "me"), "{others:?}");
        }
        let buried = log(&[(Started, "me", ""), (Discarded, "me", lost)]);
        assert!(!has_end(&buried, &ack(1, Discarded, State::Discarded, "no route"), "me"));
    }
}
