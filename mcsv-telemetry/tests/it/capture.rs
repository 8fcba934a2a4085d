use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use mcsv_telemetry::{LogFormat, Pipeline, Telemetry};
use serde_json::Value;
use tracing_subscriber::fmt::MakeWriter;

/// A writer that keeps what is written.
#[derive(Clone, Default)]
pub(crate) struct Capture(Arc<Mutex<Vec<u8>>>);

impl Capture {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Every line as JSON.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The only line.
    #[track_caller]
    pub(crate) fn line(&self) -> Value {
        let mut lines = self.lines();
        assert_eq!(lines.len(), 1, "{}", self.text());
        lines.remove(0)
    }
}

impl Write for Capture {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Capture {
    type Writer = Capture;

    fn make_writer(&'a self) -> Capture {
        self.clone()
    }
}

/// A test's own telemetry, apart from the environment and from other tests.
pub(crate) fn telemetry(env: &[(&str, &str)]) -> (Telemetry, Capture) {
    let capture = Capture::default();
    let telemetry = Telemetry::new("svc")
        .with_env(env.iter().copied())
        .with_log_format(LogFormat::Json)
        .with_writer(capture.clone());
    (telemetry, capture)
}

/// What `work` logs.
pub(crate) fn logged(env: &[(&str, &str)], work: impl FnOnce()) -> Capture {
    let (telemetry, capture) = telemetry(env);
    let pipeline: Pipeline = telemetry.build().unwrap();
    tracing::dispatcher::with_default(pipeline.dispatch(), work);
    capture
}
