use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use mcsv_core::{Check, CheckReport, Error, Health, HealthReport};
use serde::Serialize;

use super::service::ServiceFuture;
use crate::Body;
use crate::twirp::error_response;

/// The longest that one readiness check may take: less than an orchestrator's usual patience.
const PATIENCE: Duration = Duration::from_secs(2);

/// A health endpoint.
#[derive(Clone)]
pub(crate) enum Probe {
    /// The process answers.
    Live,
    /// The service can take work.
    Ready(Health),
}

impl Probe {
    pub(crate) fn answer(&self, method: &Method) -> ServiceFuture {
        if !matches!(*method, Method::GET | Method::HEAD) {
            let error = Error::bad_route("a health endpoint answers GET and HEAD only");
            return Box::pin(std::future::ready(Ok(error_response(&error))));
        }
        match self {
            Probe::Live => {
                Box::pin(std::future::ready(Ok(json(StatusCode::OK, r#"{"status":"ok"}"#))))
            }
            Probe::Ready(health) => Box::pin(answer_ready(health.clone()).map(Ok)),
        }
    }
}

#[derive(Serialize)]
struct Ready<'a> {
    status: &'static str,
    draining: bool,
    checks: BTreeMap<&'a str, &'a str>,
}

/// Runs the checks side by side, each within its time.
pub(crate) async fn ready(health: &Health) -> HealthReport {
    let checks = health.checks().into_iter().map(|(name, check)| run(name, check));
    HealthReport::new(health.is_draining(), join_all(checks).await)
}

async fn answer_ready(health: Health) -> Response<Body> {
    let report = ready(&health).await;
    let (status, word) = match report.is_ready() {
        true => (StatusCode::OK, "ok"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    let checks = report
        .checks()
        .iter()
        .map(|check| (check.name(), check.failure().unwrap_or("ok")))
        .collect();
    let body = Ready { status: word, draining: report.is_draining(), checks };
    // Strings and maps of strings always have a JSON form.
    json(status, serde_json::to_string(&body).unwrap_or_default())
}

async fn run(name: Box<str>, check: Check) -> CheckReport {
    let outcome = match tokio::time::timeout(PATIENCE, check()).await {
        Ok(outcome) => outcome,
        Err(_) => Err(format!("no answer within {PATIENCE:?}")),
    };
    CheckReport::new(&name, outcome)
}

fn json(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
