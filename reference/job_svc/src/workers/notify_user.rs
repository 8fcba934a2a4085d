use mcsv_jobs::{JobCx, Outcome, Workers};
use mcsv_protos::v1::EmailResponse;
use mcsv_rpc::Error;

use crate::kinds::NotifyUser;
use crate::neighbours::{Neighbours, after};

/// Reports to user_svc, which asks for the callback.
pub(crate) fn notify_user(workers: Workers, neighbours: &Neighbours) -> Workers {
    let neighbours = neighbours.clone();
    workers.handle(move |job: NotifyUser, cx: JobCx| notify(neighbours.clone(), job, cx))
}

async fn notify(neighbours: Neighbours, job: NotifyUser, cx: JobCx) -> Result<Outcome, Error> {
    let user_svc = &neighbours.user_svc;
    let told = match job {
        NotifyUser::Conversion(ended) => user_svc.conversion_complete(ended.into()).await,
        NotifyUser::Email {
            success,
            message,
            email_id,
            timestamp,
            user_id,
            user_email,
            email_type,
        } => {
            let report = EmailResponse {
                success,
                message,
                email_id,
                timestamp,
                user_id,
                user_email,
                email_type,
            };
            user_svc.notify_email_sent(report).await
        }
    };
    match told {
        Ok(_) => Ok(Outcome::done()),
        Err(error) => after(error, &cx),
    }
}
