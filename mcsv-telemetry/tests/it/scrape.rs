use http::header::{ACCEPT, ALLOW, CONTENT_TYPE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use mcsv_telemetry::{MetricsService, Pipeline};
use tower_service::Service as _;

use crate::exposition::Page;

const OPEN: &str = "application/openmetrics-text; version=1.0.0";

/// An answer of `/metrics`.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

pub(crate) fn ask(mut service: MetricsService, request: Request<()>) -> Answer {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (head, body) = runtime.block_on(service.call(request)).unwrap().into_parts();
    let body = runtime.block_on(body.collect()).unwrap().to_bytes();
    let text = String::from_utf8(body.to_vec()).unwrap();
    Answer { status: head.status, headers: head.headers, text }
}

fn ask_for(pipeline: &Pipeline, accept: &str) -> Answer {
    let request = Request::get("/metrics").header(ACCEPT, accept).body(()).unwrap();
    ask(pipeline.metrics_service(), request)
}

/// The page in OpenMetrics and in the plain format, both checked.
#[track_caller]
pub(crate) fn scrape(pipeline: &Pipeline) -> (Page, Page) {
    let open = Page::parse_open(&ask_for(pipeline, OPEN).text);
    let plain = Page::parse_plain(&ask_for(pipeline, "*/*").text);
    (open, plain)
}

fn pipeline() -> Pipeline {
    crate::capture::telemetry(&[]).0.build().unwrap()
}

#[test]
fn the_format_is_what_the_scraper_accepts() {
    for (accept, open) in [
        ("application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5", true),
        ("application/openmetrics-text", true),
        ("application/openmetrics-text;q=0.1, text/plain", false),
        ("application/openmetrics-text;q=0", false),
        ("text/plain", false),
        ("*/*", false),
        ("", false),
        ("application/openmetrics-text;q=lots,,;;", true),
    ] {
        let answer = ask_for(&pipeline(), accept);

        let content_type = answer.headers[CONTENT_TYPE].to_str().unwrap();
        let expected = if open { "application/openmetrics-text; " } else { "text/plain; " };
        assert!(content_type.starts_with(expected), "{accept:?}: {content_type}");
        assert_eq!(answer.text.ends_with("# EOF\n"), open, "{accept:?}");
    }
}

#[test]
fn another_method_is_refused() {
    let request = Request::builder().method(Method::POST).body(()).unwrap();

    let answer = ask(pipeline().metrics_service(), request);

    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers[ALLOW], "GET, HEAD");
}

#[test]
fn without_telemetry_the_answer_is_503() {
    let answer = ask(mcsv_telemetry::metrics_service(), Request::new(()));

    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_is_on_the_page() {
    let (open, plain) = scrape(&pipeline());

    for page in [open, plain] {
        assert!(page.value("process_resident_memory_bytes", &[]) > 1_000_000.0);
        assert!(page.value("process_start_time_seconds", &[]) > 1.7e9);
        assert!(page.value("process_cpu_seconds_total", &[]) >= 0.0);
    }
}
