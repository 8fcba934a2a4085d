use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::Span as _;
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchSpanProcessor, Span, SpanData, SpanProcessor};

use super::SERVICE_NAME;
use super::tally::Tally;
use crate::log::current_service;

/// Counts spans on their way into the batch, and marks those of a service that shares the process.
#[derive(Debug)]
pub(crate) struct CountingProcessor {
    batch: BatchSpanProcessor,
    tally: Arc<Tally>,
}

impl CountingProcessor {
    pub(crate) fn new(batch: BatchSpanProcessor, tally: Arc<Tally>) -> Self {
        CountingProcessor { batch, tally }
    }
}

impl SpanProcessor for CountingProcessor {
    fn on_start(&self, span: &mut Span, cx: &Context) {
        if let Some(service) = current_service() {
            span.set_attribute(KeyValue::new(SERVICE_NAME, service));
        }
        self.batch.on_start(span, cx);
    }

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() {
            self.tally.add_recorded();
        }
        self.batch.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batch.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batch.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batch.set_resource(resource);
    }
}
