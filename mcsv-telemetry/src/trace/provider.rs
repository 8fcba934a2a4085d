use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracer, SdkTracerProvider,
};
use tracing::dispatcher::WeakDispatch;

use super::exporter::ServiceExporter;
use super::http_client::ExportClient;
use super::processor::CountingProcessor;
use super::settings::TraceSettings;
use super::tally::Tally;
use crate::{Error, Result};

/// Spans from the tracer to the collector.
#[derive(Debug)]
pub(crate) struct TracePipeline {
    provider: SdkTracerProvider,
    tally: Arc<Tally>,
}

impl TracePipeline {
    pub(crate) fn start(settings: TraceSettings) -> Result<Self> {
        let settings = Arc::new(settings);
        let tally = Arc::new(Tally::default());
        let client = ExportClient::start(&settings)?;
        let exporter = ServiceExporter::new(settings.clone(), client, tally.clone())?;
        let batch = BatchSpanProcessor::builder(exporter)
            .with_batch_config(
                BatchConfigBuilder::default()
                    .with_max_queue_size(settings.max_queue_size)
                    .with_max_export_batch_size(settings.max_batch_size)
                    .with_scheduled_delay(settings.delay)
                    .build(),
            )
            .build();
        let provider = SdkTracerProvider::builder()
            .with_sampler(settings.sampler.clone())
            .with_resource(settings.resource.clone())
            .with_span_processor(CountingProcessor::new(batch, tally.clone()))
            .build();
        Ok(TracePipeline { provider, tally })
    }

    pub(crate) fn tracer(&self) -> SdkTracer {
        self.provider.tracer("mcsv-telemetry")
    }

    pub(crate) fn warn_through(&self, dispatch: WeakDispatch) {
        self.tally.warn_through(dispatch);
    }

    /// Delivers what is queued and stops, in at most `timeout`.
    pub(crate) fn shutdown(&self, timeout: Duration) -> Result<()> {
        let ended = self.provider.shutdown_with_timeout(timeout);
        // The processor says Ok also when the collector took nothing, so the counts decide.
        let (recorded, delivered) = (self.tally.recorded(), self.tally.delivered());
        let lost = recorded.saturating_sub(delivered);
        match ended {
            _ if lost == 0 => Ok(()),
            Ok(()) => Err(Error::undelivered(lost, recorded)),
            Err(error) => Err(Error::undelivered(lost, recorded).with_source(error)),
        }
    }
}
