use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tracing::Span;

use super::service_span;

/// Runs `future` as one of several services of this process.
///
/// Log lines written inside carry `name`, and spans made inside are exported under the resource
/// `service.name=name`. Both go on into every span that is made inside, so also into a task that is
/// spawned with one (`tracing::Instrument`); a task that is spawned without any span starts without
/// the name, and logs under the process's. For servers, which spawn such tasks, there is
/// [`ServiceLayer`](crate::ServiceLayer).
///
/// Call it after [`init`](crate::init): before, there is no one to remember the name.
///
/// ```
/// # async fn run_users() {}
/// # async fn run_jobs() {}
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// tokio::join!(
///     mcsv_telemetry::with_service("user_svc", run_users()),
///     mcsv_telemetry::with_service("job_svc", run_jobs()),
/// );
/// # }
/// ```
pub fn with_service<F: Future>(name: &str, future: F) -> InService<F> {
    InService::new(future, service_span(name))
}

pin_project! {
    /// A future that runs as one of a process's services; made by [`with_service`] and
    /// [`NamedService`](crate::NamedService).
    #[must_use = "a future does nothing until it is polled"]
    #[derive(Debug)]
    pub struct InService<F> {
        #[pin]
        future: F,
        span: Span,
    }
}

impl<F> InService<F> {
    pub(super) fn new(future: F, span: Span) -> Self {
        InService { future, span }
    }
}

impl<F: Future> Future for InService<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = this.span.enter();
        this.future.poll(cx)
    }
}
