use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;

use crate::Recorder;
use crate::metrics::{Exposition, process_recorder};

/// The metrics of this process as an HTTP service, for `/metrics`.
///
/// It answers `GET` and `HEAD` on any path: the router decides where it stands. What it sends is
/// chosen by the request's `Accept`: [OpenMetrics 1.0], which carries exemplars, or the Prometheus
/// text format 0.0.4. Before [`init`](crate::init) it answers 503.
///
/// It checks no credentials: serve it where only the scraper comes.
///
/// ```
/// use http::Request;
/// use tower_service::Service as _;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let _guard = mcsv_telemetry::init("user_svc")?;
/// metrics::counter!("user_svc_sign_ups_total").increment(1);
///
/// let response = mcsv_telemetry::metrics_service().call(Request::new(())).await?;
/// assert_eq!(response.status(), 200);
/// # Ok(())
/// # }
/// ```
///
/// [OpenMetrics 1.0]: https://prometheus.io/docs/specs/om/open_metrics_spec/
#[must_use]
pub fn metrics_service() -> MetricsService {
    MetricsService { recorder: None }
}

/// Serves metrics over HTTP; made by [`metrics_service`] and
/// [`Pipeline::metrics_service`](crate::Pipeline::metrics_service).
#[derive(Clone, Debug)]
pub struct MetricsService {
    /// `None`: whatever the process has when a request comes.
    recorder: Option<Recorder>,
}

impl MetricsService {
    pub(crate) fn of(recorder: Recorder) -> Self {
        MetricsService { recorder: Some(recorder) }
    }

    fn respond<B>(&self, request: &Request<B>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "use GET\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let Some(recorder) = self.recorder.as_ref().or_else(|| process_recorder()) else {
            return text(StatusCode::SERVICE_UNAVAILABLE, "no telemetry is installed\n");
        };
        let exposition = accepted(request.headers());
        let Some(page) = recorder.render(exposition) else {
            return text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics could not be written\n");
        };
        // The server leaves the body of an answer to HEAD out.
        let mut response = Response::new(Full::from(page));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(exposition.content_type()));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl<B> tower_service::Service<Request<B>> for MetricsService {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.respond(&request)))
    }
}

fn text(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

/// OpenMetrics where it is named and not liked less than plain text (RFC 9110, section 12.5.1).
fn accepted(headers: &HeaderMap) -> Exposition {
    let (mut open, mut plain) = (0.0, 0.0);
    for value in headers.get_all(ACCEPT) {
        for range in value.to_str().unwrap_or_default().split(',') {
            let (media, quality) = parse_range(range);
            match media {
                "application/openmetrics-text" => open = quality,
                "text/plain" => plain = quality,
                _ => {}
            }
        }
    }
    if open > 0.0 && open >= plain { Exposition::OpenMetrics } else { Exposition::Plain }
}

fn parse_range(range: &str) -> (&str, f32) {
    let mut parts = range.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default();
    let quality = parts.find_map(|part| part.strip_prefix("q=")).map(str::parse);
    (media, quality.and_then(Result::ok).unwrap_or(1.0))
}
