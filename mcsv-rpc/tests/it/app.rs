//! The service that most tests call.

use std::sync::Arc;
use std::time::Duration;

use mcsv_core::Shutdown;
use mcsv_rpc::{Code, Cx, Error, Result, Router, Server};
use prost::Message;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

pub(crate) use crate::generated::echo::v1::{Echo, EchoClient, EchoServer, Failure, Ping, Seen};

/// What the Wait method waits for, and how a test follows it.
#[derive(Default)]
pub(crate) struct Gate {
    pub(crate) entered: Notify,
    pub(crate) open: Notify,
    pub(crate) left: Notify,
}

#[derive(Clone, Default)]
pub(crate) struct App {
    pub(crate) next: Option<EchoClient>,
    pub(crate) gate: Arc<Gate>,
    /// How long Forward works before it calls on.
    pub(crate) work: Duration,
}

impl App {
    pub(crate) fn before(next: EchoClient) -> Self {
        App { next: Some(next), ..App::default() }
    }

    pub(crate) fn router(self) -> Router {
        Router::new().add(EchoServer::new(self).with_alias("echo_svc"))
    }

    pub(crate) fn client(self) -> EchoClient {
        EchoClient::in_process(self.router())
    }
}

/// Tells the gate when a handler ends, by returning or by being dropped.
struct Leaving<'a>(&'a Gate);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.left.notify_one();
    }
}

impl Echo for App {
    async fn echo(&self, cx: &mut Cx, request: Ping) -> Result<Ping> {
        if let Some(value) = cx.headers().get("x-reflect").cloned() {
            cx.response_headers_mut().insert("x-reflected", value);
        }
        Ok(request)
    }

    async fn fail(&self, cx: &mut Cx, request: Failure) -> Result<Ping> {
        match request.how.as_str() {
            "panic" => panic!("the secret of the handler"),
            "source" => return Err(std::io::Error::other("the secret of the database").into()),
            "detail" => {
                let detail = ping("detail").encode_to_vec();
                return Err(Error::aborted("see the details").with_detail("echo.v1.Ping", detail));
            }
            _ => {}
        }
        cx.response_headers_mut().insert("x-failed", "yes".parse()?);
        cx.response_headers_mut().insert("content-length", "3".parse()?);
        let code = request.how.parse::<Code>()?;
        let error = Error::new(code, request.message);
        let error = match request.retry_after_ms {
            0 => error,
            wait => error.with_retry_after(Duration::from_millis(wait.into())),
        };
        Err(request.meta.into_iter().fold(error, |error, (k, v)| error.with_meta(k, v)))
    }

    async fn look(&self, cx: &mut Cx, _: Ping) -> Result<Seen> {
        let shown = format!("{cx:?}");
        assert!(!shown.contains("secret"), "{shown}");
        let now = tokio::time::Instant::now().into_std();
        let header = |name: &str| cx.headers().get(name).and_then(|v| v.to_str().ok());
        Ok(Seen {
            remaining_ms: cx.deadline().map_or(0, |end| end.remaining(now).as_millis() as u64),
            trace_id: cx.trace().trace_id().to_string(),
            span_id: cx.trace().span_id().to_string(),
            tracestate: cx.trace().tracestate().unwrap_or_default().to_owned(),
            peer: cx.peer_addr().map(|peer| peer.ip().to_string()).unwrap_or_default(),
            tenant: header("x-tenant").unwrap_or_default().to_owned(),
            method: cx.method().full_name().to_owned(),
        })
    }

    async fn forward(&self, _: &mut Cx, request: Ping) -> Result<Seen> {
        tokio::time::sleep(self.work).await;
        let next = self.next.as_ref().ok_or_else(|| Error::failed_precondition("no next"))?;
        next.look(request).await
    }

    async fn wait(&self, _: &mut Cx, request: Ping) -> Result<Ping> {
        let _leaving = Leaving(&self.gate);
        self.gate.entered.notify_one();
        self.gate.open.notified().await;
        Ok(request)
    }
}

pub(crate) fn ping(text: &str) -> Ping {
    Ping { text: text.to_owned(), ..Ping::default() }
}

/// A server on a free port, stopped by its shutdown or at the end of the test.
pub(crate) struct Running {
    pub(crate) url: String,
    pub(crate) shutdown: Shutdown,
    pub(crate) done: JoinHandle<Result<()>>,
    _stop: oneshot::Sender<()>,
}

impl Running {
    pub(crate) async fn start(app: Router) -> Self {
        Self::start_with(app, |server| server).await
    }

    pub(crate) async fn start_with(app: Router, set: impl FnOnce(Server) -> Server) -> Self {
        let server = set(Server::bind("127.0.0.1:0").await.unwrap());
        let url = format!("http://{}", server.local_addr());
        let shutdown = Shutdown::new();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = server.serve(app, shutdown.clone());
        let done = tokio::spawn(async move {
            tokio::select! {
                served = serving => served,
                Err(_) = stopped => Ok(()),
            }
        });
        Running { url, shutdown, done, _stop: stop }
    }

    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    pub(crate) fn client(&self) -> EchoClient {
        EchoClient::connect(&self.url).unwrap()
    }
}
