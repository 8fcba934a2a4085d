use std::fmt;
use std::sync::Arc;

use crate::trace_id::{decode_lower_hex, encode_lower_hex};
use crate::{SpanId, TraceId};

/// Whether the one who made a [`TraceContext`] may have recorded the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sampling {
    /// Recorded: whoever comes after should record too.
    Sampled,
    /// Not recorded.
    NotSampled,
}

/// Where a piece of work stands in a distributed trace, as [W3C Trace Context] carries it.
///
/// This is the only form in which a trace crosses a crate of this family: in RPC headers, in a job's
/// row, in a log line. It works with no exporter at all; with one, a [`TraceBridge`](crate::TraceBridge)
/// keeps it equal to the exporter's own spans.
///
/// ```
/// use mcsv_core::TraceContext;
///
/// let caller = TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None)?;
/// let here = caller.child();
/// assert_eq!(here.trace_id(), caller.trace_id());
/// assert_ne!(here.span_id(), caller.span_id());
/// # Ok::<(), mcsv_core::ParseTraceContextError>(())
/// ```
///
/// [W3C Trace Context]: https://www.w3.org/TR/trace-context/
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: TraceId,
    span_id: SpanId,
    sampling: Sampling,
    tracestate: Option<Arc<str>>,
}

impl TraceContext {
    /// The longest `tracestate` that is carried on, in bytes: the size that the specification asks
    /// every implementation to propagate. A longer one is dropped, the trace goes on.
    pub const MAX_TRACESTATE: usize = 512;

    /// A context of known parts.
    #[must_use]
    pub fn new(trace_id: TraceId, span_id: SpanId, sampling: Sampling) -> Self {
        TraceContext { trace_id, span_id, sampling, tracestate: None }
    }

    /// The start of a new trace.
    ///
    /// It is marked as sampled: with no telemetry here there is no sampler either, and a service
    /// further down that follows its parent would otherwise record nothing, ever.
    #[must_use]
    pub fn random_root() -> Self {
        TraceContext::new(TraceId::random(), SpanId::random(), Sampling::Sampled)
    }

    /// A new span of the same trace, under this one.
    #[must_use]
    pub fn child(&self) -> Self {
        TraceContext { span_id: SpanId::random(), ..self.clone() }
    }

    /// The same context with a vendor's `tracestate`, or without one where `tracestate` is empty,
    /// longer than [`MAX_TRACESTATE`](Self::MAX_TRACESTATE) or not printable ASCII.
    #[must_use]
    pub fn with_tracestate(mut self, tracestate: &str) -> Self {
        let printable = tracestate.bytes().all(|b| (0x20..=0x7e).contains(&b));
        let kept = !tracestate.is_empty() && tracestate.len() <= Self::MAX_TRACESTATE && printable;
        self.tracestate = kept.then(|| tracestate.into());
        self
    }

    /// Reads the two headers.
    ///
    /// A version above `00` is read by the rules of `00`, as section 3.2.4 asks. A `tracestate` that
    /// can't be carried on is dropped: it never costs the trace.
    ///
    /// # Errors
    ///
    /// `traceparent` is not `version-trace_id-span_id-flags` in lower-case hex, or an id is all
    /// zero.
    pub fn parse(
        traceparent: &str,
        tracestate: Option<&str>,
    ) -> Result<Self, ParseTraceContextError> {
        let context = parse_traceparent(traceparent).ok_or(ParseTraceContextError(()))?;
        Ok(context.with_tracestate(tracestate.unwrap_or_default()))
    }

    /// The id of the trace.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The id of the span that this context stands for.
    #[must_use]
    pub fn span_id(&self) -> SpanId {
        self.span_id
    }

    /// Whether the trace may be recorded.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.sampling == Sampling::Sampled
    }

    /// The `traceparent` header: 55 bytes, version `00`.
    #[must_use]
    pub fn traceparent(&self) -> String {
        // Every call and every job writes one: in its places it costs a fraction of formatting it.
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        encode_lower_hex(&self.trace_id.to_bytes(), &mut text[3..35]);
        encode_lower_hex(&self.span_id.to_bytes(), &mut text[36..52]);
        text[54] += u8::from(self.is_sampled());
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The `tracestate` header, at most [`MAX_TRACESTATE`](Self::MAX_TRACESTATE) bytes.
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        self.tracestate.as_deref()
    }
}

/// `version-trace_id-span_id-flags`, of which each has its place.
fn parse_traceparent(text: &str) -> Option<TraceContext> {
    let (known, more) = text.as_bytes().split_at_checked(55)?;
    let (&version, ids) = known.split_first_chunk::<2>()?;
    let (&trace_id, rest) = ids.split_at_checked(1)?.1.split_first_chunk::<32>()?;
    let (&span_id, flags) = rest.split_at_checked(1)?.1.split_first_chunk::<16>()?;
    let &[last_dash, high, low] = flags else { return None };
    if [ids[0], rest[0], last_dash] != *b"---" {
        return None;
    }
    let [version] = decode_lower_hex(&version)?;
    let [flags] = decode_lower_hex(&[high, low])?;
    // Version 00 ends here; a later one may add fields; ff is reserved as invalid.
    let ends = more.is_empty() || (version != 0 && more[0] == b'-');
    if version == 0xff || !ends {
        return None;
    }
    let trace_id = TraceId::from_bytes(decode_lower_hex(&trace_id)?).ok()?;
    let span_id = SpanId::from_bytes(decode_lower_hex(&span_id)?).ok()?;
    let sampling = if flags & 1 == 1 { Sampling::Sampled } else { Sampling::NotSampled };
    Some(TraceContext::new(trace_id, span_id, sampling))
}

/// The text is no `traceparent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseTraceContextError(());

impl fmt::Display for ParseTraceContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bad traceparent: expected 00-<32 hex>-<16 hex>-<2 hex> in lower case")
    }
}

impl std::error::Error for ParseTraceContextError {}
