use std::collections::HashMap;
use std::convert::Infallible;
use std::io::Read as _;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use prost::Message as _;
use tokio::net::TcpListener;

/// An OTLP collector on a thread of its own.
#[derive(Clone, Default)]
pub(crate) struct Collector {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    requests: Vec<ExportTraceServiceRequest>,
    heads: Vec<(String, hyper::HeaderMap)>,
    status: hyper::StatusCode,
}

impl Collector {
    /// Starts it, and returns its base URL.
    pub(crate) fn start() -> (Self, String) {
        let collector = Collector::default();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = collector.clone();
        std::thread::spawn(move || serving.serve(listener));
        (collector, url)
    }

    #[tokio::main(flavor = "current_thread")]
    async fn serve(self, listener: std::net::TcpListener) {
        listener.set_nonblocking(true).unwrap();
        let listener = TcpListener::from_std(listener).unwrap();
        while let Ok((stream, _)) = listener.accept().await {
            let collector = self.clone();
            let service = service_fn(move |request| collector.clone().take(request));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    }

    async fn take(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let mut body = body.collect().await.unwrap().to_bytes();
        if head.headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip") {
            let mut plain = Vec::new();
            flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut plain).unwrap();
            body = plain.into();
        }
        let mut state = self.state.lock().unwrap();
        state.heads.push((head.uri.path().to_owned(), head.headers));
        state.requests.push(ExportTraceServiceRequest::decode(body).unwrap());
        let mut response = Response::new(Full::default());
        *response.status_mut() = state.status;
        Ok(response)
    }

    /// Answers every request that follows with this status.
    pub(crate) fn answer_with(&self, status: u16) {
        self.state.lock().unwrap().status = status.try_into().unwrap();
    }

    /// The path and headers of every request.
    pub(crate) fn heads(&self) -> Vec<(String, hyper::HeaderMap)> {
        self.state.lock().unwrap().heads.clone()
    }

    /// Every span, with the name of the service in its resource.
    pub(crate) fn spans(&self) -> Vec<(String, Span)> {
        let state = self.state.lock().unwrap();
        let resources = state.requests.iter().flat_map(|request| &request.resource_spans);
        resources
            .flat_map(|resource| {
                let service = text_attributes(resource).remove("service.name").unwrap_or_default();
                let spans = resource.scope_spans.iter().flat_map(|scope| scope.spans.clone());
                spans.map(move |span| (service.clone(), span))
            })
            .collect()
    }

    /// The attributes of the first resource that are text.
    pub(crate) fn resource(&self) -> HashMap<String, String> {
        let state = self.state.lock().unwrap();
        text_attributes(&state.requests[0].resource_spans[0])
    }

    /// The only span of this name.
    #[track_caller]
    pub(crate) fn span(&self, name: &str) -> (String, Span) {
        let mut found: Vec<_> =
            self.spans().into_iter().filter(|(_, span)| span.name == name).collect();
        assert_eq!(found.len(), 1, "spans of the name {name}");
        found.remove(0)
    }
}

fn text_attributes(resource: &ResourceSpans) -> HashMap<String, String> {
    let attributes = resource.resource.iter().flat_map(|resource| &resource.attributes);
    attributes
        .filter_map(|attribute| match attribute.value.as_ref()?.value.clone()? {
            Value::StringValue(text) => Some((attribute.key.clone(), text)),
            _ => None,
        })
        .collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
