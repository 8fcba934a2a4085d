mod future;
mod layer;

use tracing::{Metadata, Span};

pub use future::{InService, with_service};
pub use layer::{NamedService, ServiceLayer};

/// The target of the spans that stand for a service.
const TARGET: &str = "mcsv_telemetry::service";
/// The field of such a span that names the service.
pub(crate) const FIELD: &str = "service";

/// A span that carries a service's name to all that is logged and traced inside.
///
/// It is an error span so that no filter drops it, and it is never exported: as the parent of
/// everything that a service does it would make one endless trace of it.
fn service_span(name: &str) -> Span {
    tracing::error_span!(target: TARGET, "service", service = name)
}

pub(crate) fn is_service_span(metadata: &Metadata<'_>) -> bool {
    metadata.target() == TARGET
}
