use mcsv_jobs::{JobCx, Outcome, Workers};
use mcsv_protos::v1::{GetConversionRequest, Notification, PdfReadyNotification};
use mcsv_rpc::Error;

use crate::kinds::{Callback, CallbackKind};
use crate::neighbours::{Neighbours, after};

/// Calls client_svc. The event's id makes a repetition harmless there.
pub(crate) fn callback(workers: Workers, neighbours: &Neighbours) -> Workers {
    let neighbours = neighbours.clone();
    workers.handle(move |job: Callback, cx: JobCx| call(neighbours.clone(), job, cx))
}

async fn call(neighbours: Neighbours, job: Callback, cx: JobCx) -> Result<Outcome, Error> {
    let called = match job.kind {
        CallbackKind::PdfReady => pdf_ready(&neighbours, job).await,
        CallbackKind::EmailSent | CallbackKind::EmailFailed | CallbackKind::ConversionFailed => {
            notification(&neighbours, job).await
        }
    };
    match called {
        Ok(()) => Ok(Outcome::done()),
        Err(error) => after(error, &cx),
    }
}

async fn pdf_ready(neighbours: &Neighbours, job: Callback) -> Result<(), Error> {
    // Signed now and not when the job was made: a callback that waited a day has a fresh link.
    let conversion = neighbours
        .user_svc
        .get_conversion(GetConversionRequest {
            job_id: job.job_id,
            storage_id: job.storage_id.clone(),
        })
        .await?;
    if conversion.presigned_url.is_empty() {
        return Err(Error::aborted("the conversion is being made again: its end calls back"));
    }
    let ready = PdfReadyNotification {
        user_email: job.user_email,
        storage_id: job.pdf_storage_id,
        presigned_url: conversion.presigned_url,
        size: job.size,
        message: job.message,
        event_id: job.event_id,
        job_id: job.job_id,
        original_storage_id: job.storage_id,
    };
    neighbours.client_svc.pdf_ready(ready).await.map(drop)
}

async fn notification(neighbours: &Neighbours, job: Callback) -> Result<(), Error> {
    let notification = Notification {
        event_id: job.event_id,
        kind: job.kind.as_str().to_owned(),
        user_id: job.user_id,
        user_email: job.user_email,
        message: job.message,
        success: job.kind == CallbackKind::EmailSent,
        email_id: job.email_id,
        job_id: job.job_id,
        storage_id: job.storage_id,
    };
    neighbours.client_svc.receive_notification(notification).await.map(drop)
}
