use mcsv_jobs::{Failure, JobCx, NewJob, Outcome, Workers};
use mcsv_rpc::Error;

use crate::kinds::{Email, NotifyUser};
use crate::neighbours::{Neighbours, after};

/// Asks email_svc to deliver. It delivers once per `email_id` and reports by itself; a mail that is
/// given up is reported from here.
pub(crate) fn email(workers: Workers, neighbours: &Neighbours) -> Workers {
    let neighbours = neighbours.clone();
    workers.handle(move |job: Email, cx: JobCx| deliver(neighbours.clone(), job, cx)).on_discard(
        |job: &Email, failure: &Failure| {
            let report = job.failed(failure.id, &failure.error);
            vec![NewJob::new(NotifyUser::from(report))]
        },
    )
}

async fn deliver(neighbours: Neighbours, job: Email, cx: JobCx) -> Result<Outcome, Error> {
    match neighbours.email_svc.deliver_email(job.request(cx.id())).await {
        Ok(delivered) => Ok(Outcome::done().with_result(delivered.message)),
        Err(error) => after(error, &cx),
    }
}
