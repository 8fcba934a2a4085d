use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Limited};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tracing::subscriber::NoSubscriber;

use super::settings::TraceSettings;
use super::tls;
use crate::{Error, Result};

/// The largest answer of a collector that is read, in bytes.
const MAX_ANSWER: usize = 1024 * 1024;

/// Sends batches from a runtime on a thread of its own.
///
/// The program's runtime may have one worker, and that worker may be the one that waits for the
/// flush: a request that needed it would never end.
#[derive(Debug)]
pub(crate) struct ExportClient {
    http: reqwest::Client,
    headers: HeaderMap,
    runtime: Handle,
    /// The thread ends when this is dropped.
    _stop: oneshot::Sender<()>,
}

impl ExportClient {
    /// Starts the thread.
    pub(crate) fn start(settings: &TraceSettings) -> Result<Self> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config(settings.scheme)?)
            .timeout(settings.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(Error::exporter)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::exporter)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        std::thread::Builder::new()
            .name("telemetry-export".to_owned())
            .spawn(move || {
                // Spans of the export's own requests would be exported by further requests.
                let _quiet = tracing::subscriber::set_default(NoSubscriber::default());
                let _ = runtime.block_on(stopped);
            })
            .map_err(Error::exporter)?;
        let headers = settings.headers.expose().clone();
        Ok(ExportClient { http, headers, runtime: handle, _stop: stop })
    }
}

impl HttpClient for ExportClient {
    fn send_bytes<'a, 'b>(
        &'a self,
        mut request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        request.headers_mut().extend(self.headers.clone());
        let sent = self.runtime.spawn(send(self.http.clone(), request));
        Box::pin(async move { sent.await? })
    }
}

type Outcome = std::result::Result<Response<Bytes>, HttpError>;

async fn send(http: reqwest::Client, request: Request<Bytes>) -> Outcome {
    let response = http.execute(request.try_into()?).await?;
    let (head, body) = Response::<reqwest::Body>::from(response).into_parts();
    let body = Limited::new(body, MAX_ANSWER).collect().await?.to_bytes();
    Ok(Response::from_parts(head, body))
}
