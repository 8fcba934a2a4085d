use std::cell::RefCell;
use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use mcsv_core::{SpanId, TraceContext, TraceId};
use tracing::dispatcher::WeakDispatch;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Subscriber};
use tracing_log::NormalizeEvent as _;
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter as _;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::fields::{Fields, MAX_TOTAL, Value, size};
use super::line::Line;
use super::pretty::Colour;
use super::{LogFormat, json, pretty};
use crate::{service, trace};

/// The most fields of spans around that one line repeats.
const MAX_SPAN_FIELDS: usize = 32;
/// Fields of spans that an exporter needs, and that would only lengthen each line for a reader: how
/// to export the span, and the details of the connection, which the trace has.
const EXPORTER_FIELDS: [&str; 3] = ["otel.", "network.", "url."];
/// A buffer that grew beyond this, in bytes, is not kept for the next line.
const KEPT_BUFFER: usize = 64 * 1024;

thread_local! {
    static BUFFER: RefCell<String> = const { RefCell::new(String::new()) };
    static SERVICES: RefCell<Vec<Arc<str>>> = const { RefCell::new(Vec::new()) };
}

/// The service whose span was entered last on this thread.
pub(crate) fn current_service() -> Option<Arc<str>> {
    with_services(|services| services.last().cloned()).flatten()
}

/// `None` where the thread is ending and its memory is gone: the destructor of another thread-local
/// may hold a span.
fn with_services<R>(work: impl FnOnce(&mut Vec<Arc<str>>) -> R) -> Option<R> {
    SERVICES.try_with(|services| work(&mut services.borrow_mut())).ok()
}

/// Writes events as lines, and knows for every span its fields and its service.
pub(crate) struct LogLayer {
    format: LogFormat,
    colour: Colour,
    writer: BoxMakeWriter,
    process: Arc<str>,
    dispatch: OnceLock<WeakDispatch>,
}

/// What the layer keeps in a span.
struct SpanRecord {
    fields: Fields,
    service: Option<Arc<str>>,
}

impl LogLayer {
    pub(crate) fn new(
        format: LogFormat,
        colour: Colour,
        writer: BoxMakeWriter,
        process: Arc<str>,
    ) -> Self {
        LogLayer { format, colour, writer, process, dispatch: OnceLock::new() }
    }

    /// The exporter's ids where it knows a span around, else those that travel with the work.
    fn trace_of<'a, S: LookupSpan<'a>>(
        &self,
        span: Option<SpanRef<'a, S>>,
    ) -> Option<(TraceId, SpanId)> {
        let dispatch = self.dispatch.get().and_then(WeakDispatch::upgrade);
        let exported = dispatch.and_then(|dispatch| {
            span?.scope().find_map(|span| trace::context_of(&span.id(), &dispatch))
        });
        let context = exported.or_else(TraceContext::current)?;
        Some((context.trace_id(), context.span_id()))
    }

    fn write(&self, line: &Line<'_>) {
        let written = BUFFER.try_with(|buffer| {
            let mut buffer = buffer.try_borrow_mut().ok()?;
            self.write_with(line, &mut buffer);
            if buffer.capacity() > KEPT_BUFFER {
                *buffer = String::new();
            }
            Some(())
        });
        // A writer that logs comes back here, and so does a thread that is ending.
        if !matches!(written, Ok(Some(()))) {
            self.write_with(line, &mut String::new());
        }
    }

    fn write_with(&self, line: &Line<'_>, buffer: &mut String) {
        buffer.clear();
        match self.format {
            LogFormat::Json => json::write(line, buffer),
            LogFormat::Pretty => pretty::write(line, self.colour, buffer),
        }
        // One write per line keeps lines of threads apart. A log that can't be written has no
        // place where that could be told.
        let _ = self.writer.make_writer().write_all(buffer.as_bytes());
    }
}

impl<S> Layer<S> for LogLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        let _ = self.dispatch.set(dispatch.downgrade());
    }

    fn on_new_span(&self, attrs: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(id) else { return };
        // Values are formatted before a lock is taken: their code may log, or panic.
        let mut fields = Fields::default();
        attrs.record(&mut fields);
        let named = service::is_service_span(attrs.metadata())
            .then(|| fields.remove_text(service::FIELD))
            .flatten()
            .map(Arc::from);
        let service = named.or_else(|| span.parent().as_ref().and_then(service_of));
        span.extensions_mut().insert(SpanRecord { fields, service });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(id) else { return };
        let mut newer = Fields::default();
        values.record(&mut newer);
        if let Some(record) = span.extensions_mut().get_mut::<SpanRecord>() {
            record.fields.update(newer);
        }
    }

    fn on_enter(&self, id: &Id, ctx: Context<'_, S>) {
        if let Some(service) = ctx.span(id).as_ref().and_then(service_of) {
            with_services(|services| services.push(service));
        }
    }

    fn on_exit(&self, id: &Id, ctx: Context<'_, S>) {
        if ctx.span(id).as_ref().and_then(service_of).is_some() {
            with_services(Vec::pop);
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        if normalized.is_some() {
            fields.list.retain(|(name, _)| !name.starts_with("log."));
        }
        let span = ctx.event_span(event);
        let around = Around::of(span.as_ref());
        self.write(&Line {
            level: *metadata.level(),
            service: around.service.as_deref().unwrap_or(&self.process),
            target: metadata.target(),
            message: fields.message.as_deref().unwrap_or_default(),
            trace: self.trace_of(span),
            span: around.name,
            fields: &fields.list,
            span_fields: &around.fields,
            truncated: fields.truncated || around.truncated,
        });
    }
}

fn service_of<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>) -> Option<Arc<str>> {
    span.extensions().get::<SpanRecord>().and_then(|record| record.service.clone())
}

/// What the spans around an event add to its line.
#[derive(Default)]
struct Around {
    service: Option<Arc<str>>,
    name: Option<&'static str>,
    fields: Vec<(&'static str, Value)>,
    truncated: bool,
}

impl Around {
    fn of<'a, S: LookupSpan<'a>>(innermost: Option<&SpanRef<'a, S>>) -> Self {
        let mut around = Around::default();
        let Some(innermost) = innermost else { return around };
        around.service = service_of(innermost);
        let mut used = 0;
        for span in innermost.scope().filter(|span| !service::is_service_span(span.metadata())) {
            around.name.get_or_insert(span.name());
            let extensions = span.extensions();
            let Some(record) = extensions.get::<SpanRecord>() else { continue };
            around.truncated |= record.fields.truncated;
            for (name, value) in &record.fields.list {
                let is_known = around.fields.iter().any(|(known, _)| known == name);
                if is_known || EXPORTER_FIELDS.iter().any(|prefix| name.starts_with(prefix)) {
                    continue;
                }
                used += size(name, value);
                if used > MAX_TOTAL || around.fields.len() == MAX_SPAN_FIELDS {
                    around.truncated = true;
                    return around;
                }
                around.fields.push((*name, value.clone()));
            }
        }
        around
    }
}
