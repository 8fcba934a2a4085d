use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use crate::keyring::{Keyring, Opened};
use crate::store::Claimed;
use crate::{BoxError, Failure, Handler, Job, JobCx, NewJob, Outcome, Permanent, Policy, Relation};

pub(crate) type Attempt = Pin<Box<dyn Future<Output = Result<Outcome, BoxError>> + Send>>;
type Run = Box<dyn Fn(Opened<'_>, JobCx) -> Attempt + Send + Sync>;
type Discarded = Box<dyn Fn(Opened<'_>, &Failure) -> Result<Vec<NewJob>, BoxError> + Send + Sync>;

/// What a process knows about the kinds of jobs that it works on.
#[derive(Default)]
pub(crate) struct Registry {
    kinds: HashMap<&'static str, Kind>,
    pub(crate) relation: Relation,
    pub(crate) keyring: Keyring,
}

#[derive(Default)]
struct Kind {
    policy: Policy,
    run: Option<Run>,
    discarded: Option<Discarded>,
}

/// That a worker has no handler for a kind.
#[derive(Debug)]
pub(crate) struct Unknown(String);

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no handler for kind {:?}: register one on this queue", self.0)
    }
}

impl std::error::Error for Unknown {}

impl Registry {
    /// Knows nothing yet but the keys.
    pub(crate) fn new(keyring: Keyring) -> Self {
        Registry { keyring, ..Registry::default() }
    }

    pub(crate) fn handle<J: Job, H: Handler<J>>(&mut self, handler: H) {
        let handler = Arc::new(handler);
        let run: Run = Box::new(move |args, cx| {
            let job = args.decode::<J>();
            let handler = Arc::clone(&handler);
            Box::pin(async move {
                // No attempt can mend bytes that are not this type.
                handler.run(job.map_err(Permanent::new)?, cx).await
            })
        });
        self.kind::<J>().run = Some(run);
    }

    pub(crate) fn on_discard<J: Job>(
        &mut self,
        decide: impl Fn(&J, &Failure) -> Vec<NewJob> + Send + Sync + 'static,
    ) {
        self.kind::<J>().discarded =
            Some(Box::new(move |args, failure| Ok(decide(&args.decode::<J>()?, failure))));
    }

    fn kind<J: Job>(&mut self) -> &mut Kind {
        let kind = self.kinds.entry(J::KIND).or_default();
        kind.policy = J::policy();
        kind
    }

    /// Whether it has a handler for jobs of `kind`.
    #[cfg(feature = "testing")]
    pub(crate) fn handles(&self, kind: &str) -> bool {
        self.kinds.get(kind).is_some_and(|kind| kind.run.is_some())
    }

    pub(crate) fn policy(&self, kind: &str) -> Policy {
        self.kinds.get(kind).map_or_else(Policy::default, |kind| kind.policy)
    }

    /// Runs one attempt; a kind without a handler is put off until there is a worker that has one.
    pub(crate) fn run(&self, job: &Claimed, cx: JobCx) -> Attempt {
        let kind = job.kind.as_str();
        match self.kinds.get(kind).and_then(|kind| kind.run.as_ref()) {
            Some(run) => match self.open(job) {
                Ok(args) => run(args, cx),
                Err(error) => Box::pin(async move { Err(error) }),
            },
            None => {
                let error = Unknown(kind.to_owned());
                tracing::warn!(job.id = %cx.id(), "{error}; the job is put off");
                Box::pin(async move { Err(error.into()) })
            }
        }
    }

    fn open<'a>(&self, job: &'a Claimed) -> Result<Opened<'a>, BoxError> {
        self.keyring.open(&job.kind, job.key_id.as_deref(), &job.args)
    }

    /// The jobs that follow a dead letter.
    pub(crate) fn follow_ups(&self, job: &Claimed, failure: &Failure) -> Vec<NewJob> {
        let Some(decide) =
            self.kinds.get(job.kind.as_str()).and_then(|kind| kind.discarded.as_ref())
        else {
            return Vec::new();
        };
        let decided = || decide(self.open(job)?, failure);
        match catch_unwind(AssertUnwindSafe(decided)) {
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
