use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use tracing_subscriber::fmt::MakeWriter;

use crate::app::{App, Failure, ping};

/// Notes every metric that is written, with its labels.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<BTreeSet<String>>>);

struct Note(Notes, String);

impl Note {
    fn of(notes: &Notes, key: &Key) -> Arc<Note> {
        let labels: Vec<_> = key.labels().map(|l| format!("{}={}", l.key(), l.value())).collect();
        Arc::new(Note(notes.clone(), format!("{} {}", key.name(), labels.join(" "))))
    }

    fn write(&self) {
        self.0.0.lock().unwrap().insert(self.1.clone());
    }
}

impl CounterFn for Note {
    fn increment(&self, _: u64) {
        self.write();
    }

    fn absolute(&self, _: u64) {
        self.write();
    }
}

impl HistogramFn for Note {
    fn record(&self, _: f64) {
        self.write();
    }
}

impl Recorder for Notes {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(Note::of(self, key))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(Note::of(self, key))
    }
}

/// Collects what is logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Lines;

    fn make_writer(&self) -> Lines {
        self.clone()
    }
}

fn failure(how: &str) -> Failure {
    Failure { how: how.to_owned(), message: "told".to_owned(), ..Failure::default() }
}

/// Runs `work` on one thread; gives what it wrote to the metrics and to the log.
fn observe<F: Future>(work: F) -> (BTreeSet<String>, String) {
    let (notes, lines) = (Notes::default(), Lines::default());
    let subscriber = tracing_subscriber::fmt()
        .with_writer(lines.clone())
        .with_ansi(false)
        .with_max_level(tracing::Level::DEBUG)
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    tracing::subscriber::with_default(subscriber, || {
        metrics::with_local_recorder(&notes, || runtime.block_on(work));
    });
    let notes = notes.0.lock().unwrap().clone();
    (notes, lines.text())
}

#[test]
fn both_sides_count_a_call_by_its_outcome() {
    let (metrics, _) = observe(async {
        let client = App::default().client();
        client.echo(ping("")).await.unwrap();
        client.fail(failure("not_found")).await.unwrap_err();
    });
    for side in ["server", "client"] {
        for (method, code) in [("Echo", "ok"), ("Fail", "not_found")] {
            for what in ["calls_total", "call_duration_seconds"] {
                let metric = format!(
                    "rpc_{side}_{what} service=echo.v1.Echo method={method} protocol=twirp code={code}"
                );
                assert!(metrics.contains(&metric), "{metric} is not in {metrics:?}");
            }
        }
    }
    assert_eq!(metrics.len(), 8);
}

#[test]
fn a_call_that_is_given_up_counts_as_canceled() {
    let (metrics, _) = observe(async {
        let app = App::default();
        let gate = app.gate.clone();
        let client = app.client();
        tokio::select! {
            biased;
            _ = client.wait(ping("")).into_response() => {}
            () = gate.entered.notified() => {}
        }
    });
    assert!(
        metrics.iter().all(|metric| metric.ends_with("method=Wait protocol=twirp code=canceled"))
    );
    assert_eq!(metrics.len(), 4);
}

#[test]
fn a_finished_call_is_one_line_in_its_span() {
    let (_, log) = observe(async { App::default().client().echo(ping("")).await.unwrap() });
    let line = log.lines().find(|line| line.contains("served a call")).unwrap();
    assert!(line.contains(" INFO ") && line.contains("rpc_server{"), "{line}");
    assert!(line.contains("otel.name=\"echo.v1.Echo/Echo\""), "{line}");
    assert!(line.contains("code=\"ok\"") && line.contains("duration_ms="), "{line}");
}

#[test]
fn the_cause_of_an_internal_error_is_in_the_log() {
    let (_, log) = observe(async {
        App::default().client().fail(failure("source")).await.unwrap_err();
    });
    assert!(log.contains("the secret of the database"), "{log}");
}
