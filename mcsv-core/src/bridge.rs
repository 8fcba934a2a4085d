use std::fmt;
use std::sync::OnceLock;

use tracing::Span;

use crate::TraceContext;

static BRIDGE: OnceLock<Box<dyn TraceBridge>> = OnceLock::new();

/// Ties [`TraceContext`] to the spans of a tracing system.
///
/// The libraries of this family know `tracing` spans and [`TraceContext`], and nothing of what
/// exports them. A telemetry crate installs one bridge per process, and from then on the context
/// that travels is the context of the exporter's own span. Without a bridge the ids are made here,
/// so that a trace id still crosses every call and every job.
pub trait TraceBridge: Send + Sync + 'static {
    /// The context of the span that is current on this thread.
    fn current(&self) -> Option<TraceContext>;

    /// Makes `parent`, which may be of another process, the parent of `span`.
    fn set_parent(&self, span: &Span, parent: &TraceContext);

    /// Links `span` to `linked`: related, but not its child.
    fn add_link(&self, span: &Span, linked: &TraceContext);

    /// The context of `span` itself; `None` if the exporter does not know the span.
    fn context_of(&self, span: &Span) -> Option<TraceContext>;
}

/// Installs the process's bridge, once.
///
/// # Errors
///
/// A bridge is installed already. The first one stays.
pub fn install_trace_bridge(bridge: impl TraceBridge) -> Result<(), BridgeInstalledError> {
    BRIDGE.set(Box::new(bridge)).map_err(|_| BridgeInstalledError(()))
}

/// Links `span` to `linked`, where a bridge is installed; else nothing happens.
pub fn link_span(span: &Span, linked: &TraceContext) {
    if let Some(bridge) = bridge() {
        bridge.add_link(span, linked);
    }
}

pub(crate) fn bridge() -> Option<&'static dyn TraceBridge> {
    BRIDGE.get().map(|bridge| &**bridge)
}

/// A [`TraceBridge`] is installed already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BridgeInstalledError(());

impl fmt::Display for BridgeInstalledError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a trace bridge is installed already: install one per process, at its start")
    }
}

impl std::error::Error for BridgeInstalledError {}
