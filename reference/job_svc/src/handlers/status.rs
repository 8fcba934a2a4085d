use std::collections::BTreeMap;

use mcsv_jobs::JobRecord;
use mcsv_protos::v1::JobStatusResponse;
use serde_json::Value;

use super::unix_seconds;

/// A job as its readers see it.
pub(crate) fn of(job: &JobRecord) -> JobStatusResponse {
    let seconds = |at: Option<std::time::SystemTime>| at.map_or(0, unix_seconds);
    JobStatusResponse {
        job_id: job.id.get(),
        worker: job.kind.clone(),
        queue: job.queue.clone(),
        state: job.state.as_str().to_owned(),
        args: job.args_json().as_ref().map(args).unwrap_or_default(),
        attempt: i32::try_from(job.attempt).unwrap_or(i32::MAX),
        max_attempts: i32::try_from(job.max_attempts).unwrap_or(i32::MAX),
        attempted_at: seconds(job.attempted_at),
        attempted_by: job.attempted_by.clone(),
        errors: job.errors.iter().map(|error| error.message.clone()).collect(),
        inserted_at: unix_seconds(job.inserted_at),
        scheduled_at: unix_seconds(job.scheduled_at),
        completed_at: seconds(job.finished_at),
        trace_id: job.trace_id.map(|id| id.to_string()).unwrap_or_default(),
        result: job.result.as_ref().map(Value::to_string).unwrap_or_default(),
        priority: job.priority,
    }
}

/// The arguments as text. A link may be a key to somebody's image: it is not shown.
fn args(args: &Value) -> BTreeMap<String, String> {
    let fields = args.as_object().into_iter().flatten();
    fields
        .map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let is_link = name.ends_with("_url") || text.contains("://");
            (name.clone(), if is_link { "[redacted]".to_owned() } else { text })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_among_the_arguments_is_not_shown() {
        let shown = args(&serde_json::json!({ "image_url": "HTTPS://x/y?sig=1", "max_width": 3 }));

        assert_eq!(shown["image_url"], "[redacted]");
        assert_eq!(shown["max_width"], "3");
    }
}
