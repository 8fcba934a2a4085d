mod bridge;
mod exporter;
mod http_client;
mod ids;
mod processor;
mod provider;
mod settings;
mod tally;
mod tls;

pub(crate) use bridge::OtelBridge;
pub(crate) use ids::context_of;
pub(crate) use provider::TracePipeline;
pub(crate) use settings::TraceSettings;
pub(crate) use tally::describe_metrics;

/// The span attribute that says which of a process's services made a span. It becomes the resource
/// attribute of the same name on the way out.
pub(crate) const SERVICE_NAME: &str = "service.name";
