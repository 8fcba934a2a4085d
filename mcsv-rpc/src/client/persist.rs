use std::time::Duration;

use futures_util::future::select;
use http::Response;
use mcsv_core::{Deadline, Error, Result};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::budget::Budget;
use super::call::Call;
use super::retry::{Retry, is_repeatable, may_repeat};
use super::send::{AGAIN, Attempt, attempt, count, prepare};
use super::tried::Tried;
use crate::Message;
use crate::observe::Observed;
use crate::undisclosed::Undisclosed;

/// What is done for a call beyond sending it once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    pub(crate) retry: Retry,
    pub(crate) hedge: Option<Duration>,
}

impl Policy {
    /// Neither retries nor hedges.
    pub(crate) fn none() -> Self {
        Policy { retry: Retry::idempotent(1), hedge: None }
    }
}

/// A call that may take several requests.
pub(crate) struct Persistent<'a, Resp> {
    call: &'a Call<Resp>,
    policy: &'a Policy,
    observed: &'a Observed,
    deadline: Option<Deadline>,
    /// The requests that went out.
    sent: u32,
    /// The endpoints that they went to.
    tried: Tried,
}

impl<'a, Resp: Message> Persistent<'a, Resp> {
    pub(crate) fn new(
        call: &'a Call<Resp>,
        policy: &'a Policy,
        deadline: Option<Deadline>,
        observed: &'a Observed,
    ) -> Self {
        Persistent { call, policy, observed, deadline, sent: 0, tried: Tried::default() }
    }

    /// Sends until there is an answer, or an error that another request can't help.
    pub(crate) async fn run(mut self) -> Result<Response<Resp>> {
        self.budget().deposit();
        let mut failed = 0;
        loop {
            let error = match self.round().await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            if self.tried.again(&self.call.channel, &error) {
                count(AGAIN, self.call.method);
                continue;
            }
            failed += 1;
            let Some(wait) = self.wait(&error, failed) else { return Err(error) };
            let code = error.code().as_str();
            let wait_ms = wait.as_millis() as u64;
            tracing::debug!(
                method = self.call.method.full_name(),
                code,
                wait_ms,
                "sends a call again"
            );
            sleep(wait).await;
        }
    }

    /// The wait before the next round, which the budget and the deadline must leave room for.
    fn wait(&self, error: &Error, failed: u32) -> Option<Duration> {
        let chance = fastrand::f64();
        let wait = self.policy.retry.wait(self.call.method, error, failed, chance)?;
        // An error now says more than a missed deadline later.
        let in_time = self.deadline.is_none_or(|deadline| {
            let end = Instant::from_std(deadline.instant());
            Instant::now().checked_add(wait).is_some_and(|then| then < end)
        });
        if !in_time {
            return None;
        }
        self.afford(AGAIN).then_some(wait)
    }

    /// One request, and where that takes long a second one beside it. The first good answer wins and
    /// the other request is given up.
    async fn round(&mut self) -> Result<Response<Resp>> {
        let repeatable = is_repeatable(self.call.method);
        let hedge = self.policy.hedge.filter(|_| repeatable);
        let limit = self.policy.retry.attempt_timeout().filter(|_| repeatable);
        let mut first = Box::pin(bounded(self.next()?, limit));
        let Some(hedge) = hedge else { return first.await };
        if let Ok(answered) = timeout(hedge, &mut first).await {
            return answered;
        }
        if !self.afford("rpc_client_hedges_total") {
            return first.await;
        }
        let second = Box::pin(bounded(self.next()?, limit));
        let (answered, other) = select(first, second).await.factor_first();
        match answered {
            // What can't be helped by another request is not helped by the other one either.
            Err(error) if may_repeat(self.call.method, &error) => other.await,
            answered => answered,
        }
    }

    /// The next request, to another endpoint than those before.
    fn next(&mut self) -> Result<Attempt<'a>> {
        let packed = match &self.call.body {
            Ok(packed) => packed.clone(),
            Err(error) => {
                return Err(Undisclosed::mark(Error::new(error.code(), error.message())));
            }
        };
        let (deadline, sent) = (self.deadline, self.sent);
        let next = prepare(self.call, packed, &mut self.tried, deadline, self.observed, sent)?;
        self.sent += 1;
        if sent > 0 {
            self.observed.sent_again(sent);
        }
        Ok(next)
    }

    /// Pays for a further request and counts it.
    fn afford(&self, counter: &'static str) -> bool {
        let affordable = self.budget().withdraw();
        let counter = if affordable { counter } else { "rpc_client_retries_over_budget_total" };
        count(counter, self.call.method);
        affordable
    }

    fn budget(&self) -> &Budget {
        &self.call.channel.budget
    }
}

/// An attempt that is given up after `limit`, which counts as the endpoint's failure.
async fn bounded<Resp: Message>(
    mut next: Attempt<'_>,
    limit: Option<Duration>,
) -> Result<Response<Resp>> {
    let Some(limit) = limit else { return attempt(next).await };
    let end = Instant::now() + limit;
    if let Some(ticket) = &mut next.ticket {
        ticket.set_deadline(Some(end));
    }
    timeout_at(end, attempt(next)).await.unwrap_or_else(|_| {
        let message = format!("no answer within the {limit:?} of one attempt");
        Err(Undisclosed::mark(Error::unavailable(message)))
    })
}
