use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use futures_util::future::Either;
use http::{StatusCode, Uri};
use mcsv_core::{Code, Error, Scoped, TraceContext, TraceScope};
use tokio::time::Instant;
use tracing::Span;
use tracing::instrument::{Instrument, Instrumented};
use tracing::span::EnteredSpan;

use super::code::{self, is_error, status_code};
use super::series::{self, Counted, Meter};
use super::{Side, span};
use crate::undisclosed::Undisclosed;
use crate::{Cx, Protocol, RpcMethod};

/// One call from its start to its end, which it reports to span, log and metrics, also when the
/// call is dropped half-way.
pub(crate) struct Observed {
    meter: &'static Meter,
    protocol: Protocol,
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
        meter: &'static Meter,
        cx: &Cx,
        remote: Option<&TraceContext>,
    ) -> Self {
        let span = span::server(protocol, meter.method(), cx);
        Observed::new(meter, protocol, span, remote)
    }

    /// A call that goes out.
    pub(crate) fn client(protocol: Protocol, method: &'static RpcMethod) -> Self {
        let (span, meter) = (span::client(protocol, method), Meter::of(Side::Client, method));
        Observed::new(meter, protocol, span, None)
    }

    fn new(
        meter: &'static Meter,
        protocol: Protocol,
        span: Span,
        remote: Option<&TraceContext>,
    ) -> Self {
        let trace = TraceContext::for_span(&span, remote);
        let counted = meter.start(protocol);
        let started = Instant::now();
        Observed { meter, protocol, span, trace, counted, started, reported: false }
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

    /// Enters the call's span and trace until the value is dropped.
    pub(crate) fn scope(&self) -> Scope {
        let span = (!self.span.is_disabled()).then(|| self.span.clone().entered());
        Scope { _trace: self.trace.enter(), _span: span }
    }

    /// Reports the outcome and how it is answered, within the call's [`scope`](Self::scope).
    pub(crate) fn answered(&mut self, error: Option<&Error>, status: StatusCode) {
        if !self.span.is_disabled() {
            self.span.record("http.response.status_code", status.as_u16());
        }
        self.report(error);
    }

    /// Reports the outcome.
    pub(crate) fn finish(&mut self, error: Option<&Error>) {
        let _scope = self.scope();
        self.report(error);
    }

    /// The metrics are in scope too: an exemplar is of this trace.
    fn report(&mut self, error: Option<&Error>) {
        self.reported = true;
        let elapsed = self.started.elapsed();
        let code = error.map(Error::code);
        if !self.span.is_disabled() {
            self.record(code);
        }
        // A server's log has what its caller is not told, a client's caller has the error itself.
        let cause = error.and_then(|error| match self.meter.side() {
            Side::Server => error.source(),
            Side::Client => Undisclosed::cause_of(error),
        });
        let cause = cause.map(|cause| cause as &(dyn StdError + 'static));
        self.log(code.map_or(series::OK, Code::as_str), cause, elapsed);
        self.counted.end(self.meter, self.protocol, code, elapsed);
    }

    fn record(&self, code: Option<Code>) {
        let Some(code) = code else {
            self.span.record("rpc.status_code", code::OK);
            return;
        };
        let status = status_code(self.protocol, code);
        self.span.record("rpc.status_code", status);
        if is_error(self.meter.side(), code) {
            self.span.record("error.type", status);
            self.span.record("otel.status_code", "ERROR");
        }
    }

    /// One line, which a cause inside makes a warning.
    fn log(&self, code: &'static str, cause: Option<&(dyn StdError + 'static)>, elapsed: Duration) {
        let (service, method) = (self.meter.method().service(), self.meter.method().name());
        let protocol = self.protocol.label();
        let duration_ms = elapsed.as_secs_f64() * 1000.0;
        match (self.meter.side(), cause) {
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
            self.finish(Some(&Error::canceled("the call was given up")));
        }
    }
}

/// A span and a trace that are entered.
pub(crate) struct Scope {
    // Left in this order, the reverse of how they were entered.
    _trace: TraceScope,
    _span: Option<EnteredSpan>,
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
