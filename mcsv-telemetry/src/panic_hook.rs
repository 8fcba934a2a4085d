use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;

use tracing::Level;

/// The target of the line.
pub(crate) const TARGET: &str = "panic";

/// Logs every panic as one error line with its place, in the trace in which it happened.
///
/// Where the log filter drops that line, the hook that was there before says it.
pub(crate) fn install() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if tracing::enabled!(target: TARGET, Level::ERROR) {
            log(info);
        } else {
            before(info);
        }
    }));
}

fn log(info: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    let backtrace = Backtrace::capture();
    // It is captured only where RUST_BACKTRACE asks for it.
    let backtrace =
        (backtrace.status() == BacktraceStatus::Captured).then(|| backtrace.to_string());
    tracing::error!(
        target: TARGET,
        location,
        thread,
        backtrace,
        "panicked: {}",
        message(info.payload())
    );
}

fn message(payload: &(dyn Any + Send)) -> &str {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "a value that is no text",
    }
}
