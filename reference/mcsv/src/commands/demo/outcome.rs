use std::path::PathBuf;
use std::time::Duration;

use mcsv_protos::v1::ConversionSteps;
use serde_json::json;

use crate::say;

/// What became of one file.
pub(super) struct Outcome {
    pub(super) file: PathBuf,
    pub(super) error: Option<String>,
    pub(super) pdf: Option<PathBuf>,
    pub(super) mail: Option<PathBuf>,
    pub(super) trace_id: String,
    pub(super) job_id: Option<i64>,
    pub(super) input_bytes: Option<u64>,
    pub(super) output_bytes: Option<u64>,
    pub(super) steps: Steps,
}

/// The time of each step. `total` runs from the first call to the callback, `mail` to the report of
/// the mail.
#[derive(Default)]
pub(super) struct Steps {
    pub(super) upload: Duration,
    queue: Duration,
    prepare: Duration,
    fetch: Duration,
    convert: Duration,
    store: Duration,
    callback: Duration,
    pub(super) total: Duration,
    pub(super) mail: Duration,
}

impl Steps {
    /// Adds what the stack measured; the rest of the total is the way of the callback.
    pub(super) fn add(&mut self, steps: Option<&ConversionSteps>) {
        let Some(steps) = steps else { return };
        let micros = |micros: i64| Duration::from_micros(u64::try_from(micros).unwrap_or_default());
        self.queue = micros(steps.queue_us);
        self.prepare = micros(steps.prepare_us);
        self.fetch = micros(steps.fetch_us);
        self.convert = micros(steps.convert_us);
        self.store = micros(steps.store_us);
        let known =
            self.upload + self.queue + self.prepare + self.fetch + self.convert + self.store;
        self.callback = self.total.saturating_sub(known);
    }

    fn named(&self) -> [(&'static str, f64); 9] {
        [
            ("upload", self.upload),
            ("queue", self.queue),
            ("prepare", self.prepare),
            ("fetch", self.fetch),
            ("convert", self.convert),
            ("store", self.store),
            ("callback", self.callback),
            ("total", self.total),
            ("mail", self.mail),
        ]
        .map(|(name, time)| (name, (time.as_secs_f64() * 1e6).round() / 1e3))
    }
}

impl Outcome {
    pub(super) fn new(file: PathBuf, trace_id: String) -> Self {
        Outcome {
            file,
            trace_id,
            error: None,
            pdf: None,
            mail: None,
            job_id: None,
            input_bytes: None,
            output_bytes: None,
            steps: Steps::default(),
        }
    }

    pub(super) fn is_ok(&self) -> bool {
        self.error.is_none() && self.pdf.is_some() && self.mail.is_some()
    }

    pub(super) fn print_json(&self) {
        let steps: serde_json::Map<_, _> =
            self.steps.named().into_iter().map(|(name, ms)| (name.to_owned(), json!(ms))).collect();
        let line = json!({
            "file": self.file.display().to_string(),
            "ok": self.is_ok(),
            "error": self.error,
            "pdf": self.pdf.as_ref().map(|path| path.display().to_string()),
            "mail": self.mail.as_ref().map(|path| path.display().to_string()),
            "trace_id": self.trace_id,
            "job_id": self.job_id,
            "input_bytes": self.input_bytes,
            "output_bytes": self.output_bytes,
            "steps_ms": steps,
        });
        say!("{line}");
    }

    pub(super) fn print_text(&self) {
        let mut text = format!("{}\n", self.file.display());
        match (&self.error, &self.pdf, self.output_bytes) {
            (Some(error), _, _) => text += &format!("  failed  {error}\n"),
            (None, Some(pdf), Some(size)) => {
                text += &format!("  pdf     {} ({size} bytes)\n", pdf.display());
            }
            _ => {}
        }
        if let Some(mail) = &self.mail {
            text += &format!("  mail    {}\n", mail.display());
        }
        let steps = self.steps.named().map(|(name, ms)| format!("{name} {ms:.1}")).join(", ");
        text += &format!("  steps   {steps} ms\n  trace   {}\n", self.trace_id);
        say!("{}", text.trim_end());
    }
}
