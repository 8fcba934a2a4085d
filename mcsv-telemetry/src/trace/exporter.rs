use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::KeyValue;
use opentelemetry_otlp::{RetryPolicy, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::SERVICE_NAME;
use super::http_client::ExportClient;
use super::settings::{Compression, TraceSettings};
use super::tally::Tally;
use crate::{Error, Result};

/// The services of one process that get a resource of their own; spans of further ones go out under
/// the process's name and keep theirs as an attribute.
const MAX_SERVICES: usize = 64;

/// Sends each service's spans under that service's resource, and counts what was taken.
pub(crate) struct ServiceExporter {
    settings: Arc<TraceSettings>,
    client: Arc<ExportClient>,
    tally: Arc<Tally>,
    process: opentelemetry_otlp::SpanExporter,
    services: Mutex<HashMap<String, Arc<opentelemetry_otlp::SpanExporter>>>,
}

impl ServiceExporter {
    pub(crate) fn new(
        settings: Arc<TraceSettings>,
        client: ExportClient,
        tally: Arc<Tally>,
    ) -> Result<Self> {
        let client = Arc::new(client);
        let process = build(&settings, &client, &settings.resource).map_err(Error::exporter)?;
        Ok(ServiceExporter { settings, client, tally, process, services: Mutex::default() })
    }

    async fn send(&self, service: Option<String>, mut spans: Vec<SpanData>) -> OTelSdkResult {
        let count = spans.len() as u64;
        let own = service.as_deref().and_then(|service| self.exporter_of(service));
        let sent = match own {
            Some(exporter) => {
                for span in &mut spans {
                    span.attributes.retain(|attribute| attribute.key.as_str() != SERVICE_NAME);
                }
                exporter.export(spans).await
            }
            None => self.process.export(spans).await,
        };
        match &sent {
            Ok(()) => self.tally.add_delivered(count),
            Err(error) => self.tally.add_failed(count, &error.to_string()),
        }
        sent
    }

    fn exporter_of(&self, service: &str) -> Option<Arc<opentelemetry_otlp::SpanExporter>> {
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(exporter) = services.get(service) {
            return Some(exporter.clone());
        }
        if services.len() == MAX_SERVICES {
            return None;
        }
        let resource = renamed(&self.settings.resource, service);
        let exporter = Arc::new(build(&self.settings, &self.client, &resource).ok()?);
        services.insert(service.to_owned(), exporter.clone());
        Some(exporter)
    }
}

impl SpanExporter for ServiceExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let mut by_service: HashMap<Option<String>, Vec<SpanData>> = HashMap::new();
        for span in batch {
            by_service.entry(service_of(&span)).or_default().push(span);
        }
        let mut failed: Option<OTelSdkError> = None;
        for (service, spans) in by_service {
            failed = self.send(service, spans).await.err().or(failed);
        }
        failed.map_or(Ok(()), Err)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.process.set_resource(resource);
    }
}

impl fmt::Debug for ServiceExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceExporter").finish_non_exhaustive()
    }
}

fn service_of(span: &SpanData) -> Option<String> {
    let attribute = span.attributes.iter().find(|kv| kv.key.as_str() == SERVICE_NAME)?;
    Some(attribute.value.as_str().into_owned())
}

fn renamed(resource: &Resource, service: &str) -> Resource {
    let attributes = resource.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    Resource::builder_empty()
        .with_attributes(attributes)
        .with_service_name(service.to_owned())
        .build()
}

fn build(
    settings: &TraceSettings,
    client: &Arc<ExportClient>,
    resource: &Resource,
) -> std::result::Result<opentelemetry_otlp::SpanExporter, opentelemetry_otlp::ExporterBuildError> {
    let builder = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_shared_http_client(client.clone())
        .with_endpoint(settings.endpoint.expose())
        .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
        .with_timeout(settings.timeout)
        .with_retry_policy(RetryPolicy::recommended());
    let mut exporter = match settings.compression {
        Compression::None => builder.build()?,
        Compression::Gzip => {
            builder.with_compression(opentelemetry_otlp::Compression::Gzip).build()?
        }
    };
    exporter.set_resource(resource);
    Ok(exporter)
}
