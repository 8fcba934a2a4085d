//! What the engine complains of, as a test hears it.

use std::fmt::Debug;

use tokio::sync::mpsc;
use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Metadata, Subscriber, span};

/// The warnings of everything that runs on this thread, in their order.
pub(crate) struct Warnings {
    heard: mpsc::UnboundedReceiver<String>,
    _guard: DefaultGuard,
}

impl Warnings {
    pub(crate) fn hear() -> Self {
        let (tell, heard) = mpsc::unbounded_channel();
        Warnings { heard, _guard: tracing::subscriber::set_default(Ear(tell)) }
    }

    /// Waits for one that has `text` in it.
    pub(crate) async fn next_with(&mut self, text: &str) {
        while !self.heard.recv().await.is_some_and(|heard| heard.contains(text)) {}
    }

    /// Those that nobody waited for.
    pub(crate) fn rest(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.heard.try_recv().ok()).collect()
    }
}

struct Ear(mpsc::UnboundedSender<String>);

impl Subscriber for Ear {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN && metadata.target().starts_with("mcsv_jobs")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        // Whoever no longer listens does not want to know.
        let _ = self.0.send(text.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0 += &format!("{field}={value:?} ");
    }
}
