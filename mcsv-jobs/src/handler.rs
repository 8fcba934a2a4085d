use crate::{BoxError, JobCx, Outcome};

/// What does a kind of job.
///
/// An async function or closure of `(job, cx)` is one. Implement it on a type of your own where the
/// handler carries state that a closure would have to clone.
///
/// An error is a failed attempt, which is retried by the job's policy; a [`Permanent`] error and an
/// [`Outcome::discard`] are not. A panic and a time-out are failed attempts too.
///
/// ```
/// use mcsv_jobs::{BoxError, Handler, JobCx, Outcome};
///
/// struct Greet {
///     greeting: String,
/// }
///
/// impl Handler<String> for Greet {
///     async fn run(&self, name: String, cx: JobCx) -> Result<Outcome, BoxError> {
///         println!("{} {name}, job {}", self.greeting, cx.id());
///         Ok(Outcome::done())
///     }
/// }
/// ```
///
/// [`Permanent`]: crate::Permanent
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not handle the job `{J}`",
    note = "a handler is an async function of `(job: {J}, cx: JobCx)` that returns a `Result` \
            whose value is `Outcome` or `()` and whose error becomes a `BoxError`"
)]
pub trait Handler<J>: Send + Sync + 'static {
    /// Runs one attempt.
    fn run(&self, job: J, cx: JobCx) -> impl Future<Output = Result<Outcome, BoxError>> + Send;
}

impl<J, F, Fut, T, E> Handler<J> for F
where
    F: Fn(J, JobCx) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T, E>> + Send,
    T: Into<Outcome>,
    E: Into<BoxError>,
    J: Send,
{
    fn run(&self, job: J, cx: JobCx) -> impl Future<Output = Result<Outcome, BoxError>> + Send {
        let attempt = self(job, cx);
        async move { attempt.await.map(Into::into).map_err(Into::into) }
    }
}
