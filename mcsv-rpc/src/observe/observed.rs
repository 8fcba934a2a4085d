use std::error::Error as StdError;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::Either;
use http::request::Parts;
use http::{StatusCode, Uri};
use mcsv_core::{Code, Error, Scoped, TraceContext};
use tokio::time::Instant;
use tracing::Span;
use tracing::instrument::{Instrument, Instrumented};

use super::code::{self, is_error, status_code};
use super::series::{self, Counted};
use super::{Side, span};
use crate::{Protocol, RpcMethod};

/// One call from its start to its end, which it reports to span, log and metrics, also when the
/// call is dropped half-way.
pub(crate) struct Observed {
    side: Side,
    protocol: Protocol,
    method: &'static RpcMethod,
    span: Span,
    trace: TraceContext,
    counted: Counted,
    started: Instant,
    reported: bool,
}

impl Observed {
    /// A call that came in.
    pub(crate) fn server(
        protocol: Protocol,
        method: &'static RpcMethod,
        parts: &Parts,
        peer: Option<SocketAddr>,
        remote: Option<&TraceContext>,
    ) -> Self {
        let span = span::server(protocol, method, parts, peer);
        Observed::new(Side::Server, protocol, method, span, remote)
    }

    /// A call that goes out.
    pub(crate) fn client(protocol: Protocol, method: &'static RpcMethod) -> Self {
        let span = span::client(protocol, method);
        Observed::new(Side::Client, protocol, method, span, None)
    }

    fn new(
        side: Side,
        protocol: Protocol,
        method: &'static RpcMethod,
        span: Span,
        remote: Option<&TraceContext>,
    ) -> Self {
        let trace = TraceContext::for_span(&span, remote);
        let counted = Counted::start(side, protocol, method);
        let started = Instant::now();
        Observed { side, protocol, method, span, trace, counted, started, reported: false }
    }

    pub(crate) fn trace(&self) -> &TraceContext {
        &self.trace
    }

    /// Notes where the call is sent.
    pub(crate) fn sent_to(&self, url: &Uri) {
        span::record_url(&self.span, url);
    }

    /// Notes how many requests went out beyond the first.
    pub(crate) fn sent_again(&self, times: u32) {
        self.span.record("rpc.resend_count", times);
    }

    /// Runs `work` in the call's span and trace. A span that nobody looks at is not entered: that
    /// costs more than the look.
    pub(crate) fn around<F: Future>(&self, work: F) -> Scoped<Either<Instrumented<F>, F>> {
        let work = match self.span.is_disabled() {
            false => Either::Left(work.instrument(self.span.clone())),
            true => Either::Right(work),
        };
        self.trace.clone().scope(work)
    }

    /// Reports the outcome, and how it is answered.
    pub(crate) fn answered<T>(self, outcome: &Result<T, Error>, status: StatusCode) {
        if !self.span.is_disabled() {
            self.span.record("http.response.status_code", status.as_u16());
        }
        self.finish(outcome);
    }

    /// Reports the outcome.
    pub(crate) fn finish<T>(mut self, outcome: &Result<T, Error>) {
        match outcome {
            Ok(_) => self.report(None, None),
            Err(error) => {
                let cause = error.source().map(|cause| cause as &(dyn StdError + 'static));
                self.report(Some(error.code()), cause);
            }
        }
    }

    fn report(&mut self, code: Option<Code>, cause: Option<&(dyn StdError + 'static)>) {
        self.reported = true;
        let elapsed = self.started.elapsed();
        let label = code.map_or(series::OK, Code::as_str);
        // The metrics are in scope too: an exemplar is of this trace.
        self.trace.in_scope(|| {
            let ended = || {
                self.log(label, cause, elapsed);
                self.counted.end(label, elapsed);
            };
            if self.span.is_disabled() {
                return ended();
            }
            self.record(code);
            self.span.in_scope(ended);
        });
    }

    fn record(&self, code: Option<Code>) {
        let Some(code) = code else {
            self.span.record("rpc.status_code", code::OK);
            return;
        };
        let status = status_code(self.protocol, code);
        self.span.record("rpc.status_code", status);
        if is_error(self.side, code) {
            self.span.record("error.type", status);
            self.span.record("otel.status_code", "ERROR");
        }
    }

    /// One line, which a cause inside makes a warning.
    fn log(&self, code: &'static str, cause: Option<&(dyn StdError + 'static)>, elapsed: Duration) {
        let (service, method) = (self.method.service(), self.method.name());
        let protocol = self.protocol.label();
        let duration_ms = elapsed.as_secs_f64() * 1000.0;
        match (self.side, cause) {
            (Side::Server, Some(cause)) => {
                let cause = Chain(cause);
                tracing::warn!(service, method, protocol, code, duration_ms, %cause, "served a call");
            }
            (Side::Server, None) => {
                tracing::info!(service, method, protocol, code, duration_ms, "served a call");
            }
            (Side::Client, Some(cause)) => {
                let cause = Chain(cause);
                tracing::warn!(service, method, protocol, code, duration_ms, %cause, "made a call");
            }
            (Side::Client, None) => {
                tracing::debug!(service, method, protocol, code, duration_ms, "made a call");
            }
        }
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        if !self.reported {
            self.report(Some(Code::Canceled), None);
        }
    }
}

/// An error and all its causes on one line.
struct Chain<'a>(&'a (dyn StdError + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}
