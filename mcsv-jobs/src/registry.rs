use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use crate::{
    BoxError, Codec, Failure, Handler, Job, JobCx, NewJob, Outcome, Permanent, Policy, Relation,
};

pub(crate) type Attempt = Pin<Box<dyn Future<Output = Result<Outcome, BoxError>> + Send>>;
type Run = Box<dyn Fn(&[u8], JobCx) -> Attempt + Send + Sync>;
type Discarded = Box<dyn Fn(&[u8], &Failure) -> Result<Vec<NewJob>, BoxError> + Send + Sync>;

/// What a process knows about the kinds of jobs that it works on.
#[derive(Default)]
pub(crate) struct Registry {
    kinds: HashMap<&'static str, Kind>,
    pub(crate) relation: Relation,
}

#[derive(Default)]
struct Kind {
    policy: Policy,
    run: Option<Run>,
    discarded: Option<Discarded>,
}

impl Registry {
    pub(crate) fn handle<J: Job, H: Handler<J>>(&mut self, handler: H) {
        let handler = Arc::new(handler);
        let run: Run = Box::new(move |args, cx| {
            let job = J::Codec::decode(args);
            let handler = Arc::clone(&handler);
            Box::pin(async move {
                // No attempt can mend bytes that are not this type.
                let job =
                    job.map_err(|cause| Permanent::new(crate::Error::decode(J::KIND, cause)))?;
                handler.run(job, cx).await
            })
        });
        self.kind::<J>().run = Some(run);
    }

    pub(crate) fn on_discard<J: Job>(
        &mut self,
        decide: impl Fn(&J, &Failure) -> Vec<NewJob> + Send + Sync + 'static,
    ) {
        self.kind::<J>().discarded =
            Some(Box::new(move |args, failure| Ok(decide(&J::Codec::decode(args)?, failure))));
    }

    fn kind<J: Job>(&mut self) -> &mut Kind {
        let kind = self.kinds.entry(J::KIND).or_default();
        kind.policy = J::policy();
        kind
    }

    pub(crate) fn policy(&self, kind: &str) -> Policy {
        self.kinds.get(kind).map_or_else(Policy::default, |kind| kind.policy)
    }

    /// Runs one attempt; a kind without a handler fails, so that it waits for a worker that has one.
    pub(crate) fn run(&self, kind: &str, args: &[u8], cx: JobCx) -> Attempt {
        match self.kinds.get(kind).and_then(|kind| kind.run.as_ref()) {
            Some(run) => run(args, cx),
            None => {
                let error = format!("no handler for kind {kind:?}: register one on this queue");
                Box::pin(async move { Err(error.into()) })
            }
        }
    }

    /// The jobs that follow a dead letter.
    pub(crate) fn follow_ups(&self, kind: &str, args: &[u8], failure: &Failure) -> Vec<NewJob> {
        let Some(decide) = self.kinds.get(kind).and_then(|kind| kind.discarded.as_ref()) else {
            return Vec::new();
        };
        match catch_unwind(AssertUnwindSafe(|| decide(args, failure))) {
            Ok(Ok(jobs)) => jobs,
            Ok(Err(error)) => {
                tracing::error!(job.id = %failure.id, %error, "a dead letter can't be decoded");
                Vec::new()
            }
            Err(_) => {
                tracing::error!(job.id = %failure.id, "the follow-up of a dead letter panicked");
                Vec::new()
            }
        }
    }
}
