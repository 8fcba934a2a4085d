//! What the engine complains of, as a test hears it.

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};

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
        Self::hear_with(None)
    }

    /// Panics at the first one that has `text` in it, in the task that gives it.
    pub(crate) fn hear_and_panic_at(text: &'static str) -> Self {
        Self::hear_with(Some(text))
    }

    fn hear_with(panics_at: Option<&'static str>) -> Self {
        let (tell, heard) = mpsc::unbounded_channel();
        let ear = Ear { tell, panics_at, has_panicked: AtomicBool::new(false) };
        Warnings { heard, _guard: tracing::subscriber::set_default(ear) }
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

struct Ear {
    tell: mpsc::UnboundedSender<String>,
    panics_at: Option<&'static str>,
    has_panicked: AtomicBool,
}

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
        let is_it = self.panics_at.is_some_and(|at| text.0.contains(at));
        // Whoever no longer listens does not want to know.
        let _ = self.tell.send(text.0);
        if is_it && !self.has_panicked.swap(true, Ordering::SeqCst) {
            panic!("as told");
        }
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
