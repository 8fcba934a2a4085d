use mcsv_protos::v1::{
    ConversionSteps, GetConversionRequest, GetConversionResponse, GetJobStatusRequest,
    JobStatusResponse,
};
use mcsv_rpc::{Code, Error, Result};
use serde_json::Value;

use super::{UserApp, job_svc_error, object_key, signing_error};

/// The queue knows; this adds a fresh link. A job of another kind or another source looks like no
/// job at all, so that numbers can't be tried.
pub(crate) async fn handle(
    app: &UserApp,
    request: GetConversionRequest,
) -> Result<GetConversionResponse> {
    let source = object_key("storage_id", &request.storage_id)?;
    let asked = app.job_svc.get_job_status(GetJobStatusRequest { job_id: request.job_id }).await;
    let job = match asked {
        Err(error) if error.code() == Code::NotFound => return Err(no_such()),
        asked => asked.map_err(job_svc_error)?,
    };
    let is_theirs = job.worker == "convert_image"
        && job.args.get("storage_id").is_some_and(|id| id == source.as_str());
    if !is_theirs {
        return Err(no_such());
    }
    let file_name = job.args.get("file_name").map_or("", String::as_str);
    match job.state.as_str() {
        "completed" => completed(app, &job, file_name),
        "discarded" => {
            let error = job.errors.last().cloned().unwrap_or_else(|| "discarded".to_owned());
            Ok(GetConversionResponse { error, ..unfinished(&job) })
        }
        "cancelled" => {
            Ok(GetConversionResponse { error: "cancelled".to_owned(), ..unfinished(&job) })
        }
        _ => Ok(unfinished(&job)),
    }
}

fn no_such() -> Error {
    Error::not_found("no such conversion: check job_id and storage_id")
}

fn unfinished(job: &JobStatusResponse) -> GetConversionResponse {
    GetConversionResponse {
        state: job.state.clone(),
        attempt: job.attempt,
        ..GetConversionResponse::default()
    }
}

fn completed(
    app: &UserApp,
    job: &JobStatusResponse,
    file_name: &str,
) -> Result<GetConversionResponse> {
    let result: Value = serde_json::from_str(&job.result)
        .map_err(|error| Error::internal("the job's result can't be read").with_source(error))?;
    let number = |name: &str| result[name].as_i64().unwrap_or_default();
    let pixels = |name: &str| i32::try_from(number(name)).unwrap_or_default();
    let pdf = object_key("storage_id", result["pdf_storage_id"].as_str().unwrap_or_default())?;
    let link = app
        .signer
        .presign_get(&pdf)
        .expires_in(app.link_ttl)
        .filename(download_name(file_name))
        .sign()
        .map_err(signing_error)?;
    Ok(GetConversionResponse {
        pdf_storage_id: pdf.to_string(),
        presigned_url: link.url().to_string(),
        input_size: number("input_size"),
        output_size: number("output_size"),
        width: pixels("width"),
        height: pixels("height"),
        steps: Some(ConversionSteps {
            queue_us: number("queue_us"),
            prepare_us: number("prepare_us"),
            fetch_us: number("fetch_us"),
            convert_us: number("convert_us"),
            store_us: number("store_us"),
        }),
        ..unfinished(job)
    })
}

fn download_name(file_name: &str) -> String {
    let stem = file_name.rsplit_once('.').map_or(file_name, |(stem, _)| stem);
    format!("{}.pdf", if stem.is_empty() { "image" } else { stem })
}
