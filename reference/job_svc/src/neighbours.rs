use std::sync::Arc;
use std::time::Duration;

use mcsv_core::Code;
use mcsv_jobs::{JobCx, Outcome};
use mcsv_protos::v1::{
    ClientServiceClient, EmailServiceClient, ImageServiceClient, UserServiceClient,
};
use mcsv_rpc::{BoxError, Error, NeverSent};

use crate::Config;

/// The services that the workers call.
#[derive(Clone)]
pub(crate) struct Neighbours(Arc<Clients>);

pub(crate) struct Clients {
    pub(crate) client_svc: ClientServiceClient,
    pub(crate) user_svc: UserServiceClient,
    pub(crate) email_svc: EmailServiceClient,
    pub(crate) image_svc: ImageServiceClient,
}

impl Neighbours {
    pub(crate) fn connect(config: &Config) -> Result<Self, BoxError> {
        let mut clients = Clients {
            client_svc: ClientServiceClient::connect(&config.client_svc_url)?,
            user_svc: UserServiceClient::connect(&config.user_svc_url)?,
            email_svc: EmailServiceClient::connect(&config.email_svc_url)?,
            image_svc: ImageServiceClient::connect(&config.image_svc_url)?,
        };
        if let Some(bearer) = config.token.authorization() {
            clients = Clients {
                client_svc: clients.client_svc.with_header("authorization", bearer.clone()),
                user_svc: clients.user_svc.with_header("authorization", bearer.clone()),
                email_svc: clients.email_svc.with_header("authorization", bearer.clone()),
                image_svc: clients.image_svc.with_header("authorization", bearer),
            };
        }
        Ok(Neighbours(Arc::new(clients)))
    }
}

impl std::ops::Deref for Neighbours {
    type Target = Clients;

    fn deref(&self) -> &Clients {
        &self.0
    }
}

/// What a failed call means for the job.
///
/// A neighbour that takes no connection costs no attempt: attempts are for work that was tried. A
/// call that broke off does cost one, because the work may be what broke the neighbour. What the
/// neighbour finds wrong with the request stays wrong, so that the job is given up at once. All
/// else is an attempt that failed.
pub(crate) fn after(error: Error, cx: &JobCx) -> Result<Outcome, Error> {
    let age = cx.enqueued_at().elapsed().unwrap_or_default();
    match error.code() {
        Code::Unavailable if NeverSent::is_in(&error) && age < PATIENCE => {
            tracing::warn!(%error, "a neighbour is away: the job waits");
            Ok(Outcome::snooze(wait(age)))
        }
        Code::InvalidArgument
        | Code::NotFound
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::AlreadyExists
        | Code::Malformed
        | Code::DataLoss => Ok(Outcome::discard(error.message().to_owned())),
        code => {
            tracing::warn!(%error, "an attempt failed");
            Err(Error::new(code, safe(code)))
        }
    }
}

/// What a user may read in the mail of a job that was given up: not the names of our hosts and not
/// the causes, which are in the log.
fn safe(code: Code) -> &'static str {
    match code {
        Code::Unavailable => "a service was away, or broke off",
        Code::DeadlineExceeded => "it took too long",
        Code::ResourceExhausted => "a service was overloaded",
        _ => "a service failed",
    }
}

/// How long a job waits for a neighbour before that costs attempts after all.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);

/// A quarter of the job's age, half a second to a minute: quick while the neighbour restarts,
/// patient when it stays away. It is spread, so that a backlog does not come back as one wave.
fn wait(age: Duration) -> Duration {
    let wait = (age / 4).clamp(Duration::from_millis(500), Duration::from_secs(60));
    wait.mul_f64(0.75 + fastrand::f64() / 2.0)
}
