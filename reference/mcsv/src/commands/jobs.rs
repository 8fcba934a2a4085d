use std::process::ExitCode;
use std::time::Duration;

use mcsv_protos::v1::{
    CancelJobRequest, GetJobStatusRequest, GetQueueStatsRequest, JobServiceClient,
    JobStatusResponse, ListJobEventsRequest, ListJobsRequest, ReplayJobsRequest, RetryJobRequest,
};
use mcsv_settings::{ServiceToken, Settings};
use serde_json::{Value, json};

use super::quiet_telemetry;
use crate::Result;
use crate::cli::{FilterArgs, JobsArgs, JobsCommand};
use crate::say;

pub(crate) async fn run(args: JobsArgs) -> Result<ExitCode> {
    let _telemetry = quiet_telemetry()?;
    let mut job_svc = JobServiceClient::connect(&args.job_svc)
        .map_err(|error| format!("--job-svc {}: {error}", args.job_svc))?
        .with_timeout(Duration::from_secs(30));
    let mut settings = Settings::from_env();
    let token = ServiceToken::read(&mut settings);
    settings.finish()?;
    if let Some(bearer) = token.authorization() {
        job_svc = job_svc.with_header("authorization", bearer);
    }
    let (rows, success) = ask(&job_svc, args.command).await?;
    if args.json {
        rows.iter().for_each(|row| say!("{row}"));
    } else {
        print_table(&rows);
    }
    Ok(if success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The rows that answer the command, and whether what was asked for was done.
async fn ask(job_svc: &JobServiceClient, command: JobsCommand) -> Result<(Vec<Value>, bool)> {
    let rows = match command {
        JobsCommand::List(filter) => list(job_svc, filter).await?,
        JobsCommand::Show { id } => {
            let job = job_svc.get_job_status(GetJobStatusRequest { job_id: id }).await?;
            let mut row = summary(&job);
            row["args"] = json!(job.args);
            row["result"] = json!(job.result);
            row["errors"] = json!(job.errors);
            vec![row]
        }
        JobsCommand::Events { id } => {
            let log = job_svc.list_job_events(ListJobEventsRequest { job_id: id }).await?;
            log.events
                .iter()
                .map(|event| {
                    json!({
                        "sequence": event.sequence,
                        "at_ms": event.at_ms,
                        "transition": event.transition,
                        "attempt": event.attempt,
                        "worker": event.worker,
                        "detail": event.detail,
                    })
                })
                .collect()
        }
        JobsCommand::Cancel { id } => {
            let answer = job_svc.cancel_job(CancelJobRequest { job_id: id }).await?;
            return Ok((vec![json!({ "job": id, "message": answer.message })], answer.success));
        }
        JobsCommand::Retry { id } => {
            let answer = job_svc.retry_job(RetryJobRequest { job_id: id }).await?;
            return Ok((vec![json!({ "job": id, "message": answer.message })], answer.success));
        }
        JobsCommand::Replay(filter) => {
            let request = ReplayJobsRequest {
                worker: filter.kind,
                state: filter.state,
                error_contains: filter.error,
                ..ReplayJobsRequest::default()
            };
            let answer = job_svc.replay_jobs(request).await?;
            vec![json!({ "replayed": answer.replayed })]
        }
        JobsCommand::Stats => stats(job_svc).await?,
    };
    Ok((rows, true))
}

async fn list(job_svc: &JobServiceClient, filter: FilterArgs) -> Result<Vec<Value>> {
    let request = ListJobsRequest {
        state: filter.state,
        worker: filter.kind,
        error_contains: filter.error,
        limit: filter.limit,
        ..ListJobsRequest::default()
    };
    Ok(job_svc.list_jobs(request).await?.jobs.iter().map(summary).collect())
}

async fn stats(job_svc: &JobServiceClient) -> Result<Vec<Value>> {
    let answer = job_svc.get_queue_stats(GetQueueStatsRequest::default()).await?;
    let row = |queue: &mcsv_protos::v1::get_queue_stats_response::QueueStats| {
        json!({
            "queue": queue.queue,
            "available": queue.available,
            "scheduled": queue.scheduled,
            "executing": queue.executing,
            "retryable": queue.retryable,
            "completed": queue.completed,
            "discarded": queue.discarded,
            "cancelled": queue.cancelled,
        })
    };
    Ok(answer.stats.iter().map(row).collect())
}

fn summary(job: &JobStatusResponse) -> Value {
    json!({
        "job": job.job_id,
        "kind": job.worker,
        "queue": job.queue,
        "state": job.state,
        "attempt": format!("{}/{}", job.attempt, job.max_attempts),
        "trace": job.trace_id,
        "error": job.errors.last().map_or("", String::as_str),
    })
}

/// One line per row under the names of the first row's fields.
fn print_table(rows: &[Value]) {
    let Some(Value::Object(first)) = rows.first() else {
        say!("nothing matches");
        return;
    };
    let names: Vec<&String> = first.keys().collect();
    let cell = |row: &Value, name: &str| match &row[name] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut lines = vec![names.iter().map(|name| name.to_string()).collect::<Vec<_>>()];
    lines.extend(rows.iter().map(|row| names.iter().map(|name| cell(row, name)).collect()));
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: Vec<_> = (0..names.len()).map(|column| width(column).unwrap_or(0)).collect();
    for line in &lines {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        say!("{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}
