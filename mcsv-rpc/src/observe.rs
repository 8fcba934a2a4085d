use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use mcsv_core::{Code, Error, Scoped, TraceContext};
use tokio::time::Instant;
use tracing::Span;
use tracing::instrument::{Instrument, Instrumented};

use crate::{ErrorDetail, Protocol, RpcMethod};

/// The side of a call that is observed here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Client,
}

/// One call from its start to its end, which it reports to span, log and metrics, also when the
/// call is dropped half-way.
pub(crate) struct Observed {
    side: Side,
    method: &'static RpcMethod,
    span: Span,
    trace: TraceContext,
    started: Instant,
    reported: bool,
}

impl Observed {
    pub(crate) fn new(
        side: Side,
        protocol: Protocol,
        method: &'static RpcMethod,
        remote: Option<&TraceContext>,
    ) -> Self {
        let (service, name) = (method.service(), method.name());
        let span = match side {
            Side::Server => tracing::info_span!(
                "rpc_server",
                otel.name = method.full_name(),
                otel.kind = "server",
                rpc.system = protocol.system(),
                rpc.service = service,
                rpc.method = name,
                rpc.code = tracing::field::Empty,
            ),
            Side::Client => tracing::info_span!(
                "rpc_client",
                otel.name = method.full_name(),
                otel.kind = "client",
                rpc.system = protocol.system(),
                rpc.service = service,
                rpc.method = name,
                rpc.resend_count = tracing::field::Empty,
                rpc.code = tracing::field::Empty,
            ),
        };
        let trace = TraceContext::for_span(&span, remote);
        Observed { side, method, span, trace, started: Instant::now(), reported: false }
    }

    pub(crate) fn trace(&self) -> &TraceContext {
        &self.trace
    }

    /// Runs `work` in the call's span and trace.
    pub(crate) fn around<F: Future>(&self, work: F) -> Scoped<Instrumented<F>> {
        self.trace.clone().scope(work.instrument(self.span.clone()))
    }

    /// Reports the outcome.
    pub(crate) fn finish<T>(mut self, outcome: &Result<T, Error>) {
        match outcome {
            Ok(_) => self.report("ok", None),
            Err(error) => self.report(error.code().as_str(), Some(error)),
        }
    }

    fn report(&mut self, code: &'static str, error: Option<&Error>) {
        self.reported = true;
        let elapsed = self.started.elapsed();
        self.span.record("rpc.code", code);
        // The metrics are in scope too: an exemplar is of this trace.
        self.trace.in_scope(|| {
            self.span.in_scope(|| {
                self.log(code, error, elapsed);
                self.count(code, elapsed);
            });
        });
    }

    fn log(&self, code: &'static str, error: Option<&Error>, elapsed: Duration) {
        let (service, method) = (self.method.service(), self.method.name());
        let duration_ms = elapsed.as_secs_f64() * 1000.0;
        // Details came from the peer: they are no cause inside.
        if let Some(error) = error
            && let Some(source) = error.source()
            && ErrorDetail::of(error).is_empty()
        {
            tracing::warn!(service, method, code, cause = %Chain(source), "the call failed inside");
        }
        match self.side {
            Side::Server => tracing::info!(service, method, code, duration_ms, "served a call"),
            Side::Client => tracing::debug!(service, method, code, duration_ms, "made a call"),
        }
    }

    fn count(&self, code: &'static str, elapsed: Duration) {
        let labels =
            [("service", self.method.service()), ("method", self.method.name()), ("code", code)];
        let (calls, seconds) = match self.side {
            Side::Server => ("rpc_server_calls_total", "rpc_server_call_duration_seconds"),
            Side::Client => ("rpc_client_calls_total", "rpc_client_call_duration_seconds"),
        };
        metrics::counter!(calls, &labels).increment(1);
        metrics::histogram!(seconds, &labels).record(elapsed.as_secs_f64());
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        if !self.reported {
            self.report(Code::Canceled.as_str(), None);
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
