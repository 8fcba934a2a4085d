//! The server that the targets call. Its handlers answer at once and never panic.

use std::cell::OnceCell;
use std::sync::Once;
use std::time::Duration;

use mcsv_rpc::{Code, Cx, Error, Health, Result, Router};
use tokio::runtime::{Builder, Runtime};

use crate::generated::echo::v1::{Echo, EchoServer, Failure, Ping, Seen};
use crate::generated::json::v1::{Forms, FormsServer, Known, Scalars, Shapes};

struct Answering;

impl Echo for Answering {
    async fn echo(&self, cx: &mut Cx, request: Ping) -> Result<Ping> {
        if let Some(value) = cx.headers().get("x-reflect").cloned() {
            cx.response_headers_mut().insert("x-reflected", value);
        }
        Ok(request)
    }

    async fn fail(&self, _: &mut Cx, request: Failure) -> Result<Ping> {
        let code = request.how.parse().unwrap_or(Code::Unknown);
        let detail = request.message.clone();
        let error = Error::new(code, request.message).with_detail("echo.v1.Ping", detail);
        let error = error.with_retry_after(Duration::from_millis(request.retry_after_ms.into()));
        Err(request.meta.into_iter().fold(error, |error, (key, value)| error.with_meta(key, value)))
    }

    async fn look(&self, cx: &mut Cx, _: Ping) -> Result<Seen> {
        let tracestate = cx.trace().tracestate().unwrap_or_default().to_owned();
        Ok(Seen { tracestate, ..Seen::default() })
    }

    async fn forward(&self, _: &mut Cx, _: Ping) -> Result<Seen> {
        Err(Error::unavailable("nobody is next"))
    }

    async fn wait(&self, _: &mut Cx, request: Ping) -> Result<Ping> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(request)
    }
}

impl Forms for Answering {
    async fn echo_scalars(&self, _: &mut Cx, request: Scalars) -> Result<Scalars> {
        Ok(request)
    }

    async fn echo_shapes(&self, _: &mut Cx, request: Shapes) -> Result<Shapes> {
        Ok(request)
    }

    async fn echo_known(&self, _: &mut Cx, request: Known) -> Result<Known> {
        Ok(request)
    }
}

pub(super) fn router() -> Router {
    let echo = EchoServer::new(Answering).with_alias("echo_svc");
    Router::new()
        .with_body_limit(64 << 10)
        .health(Health::new())
        .add(echo)
        .add(FormsServer::new(Answering))
}

/// Runs `work` on this thread, with time that passes only where nothing else can happen.
pub(super) fn block_on<F: Future>(work: F) -> F::Output {
    thread_local!(static RUNTIME: OnceCell<Runtime> = const { OnceCell::new() });
    RUNTIME.with(|runtime| {
        let start = || Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.get_or_init(|| start().expect("a runtime starts")).block_on(work)
    })
}

/// Makes the messages of the tests known to `Any`, as a server of theirs does.
pub(super) fn with_any_types() {
    static KNOWN: Once = Once::new();
    KNOWN.call_once(|| drop(router()));
}
