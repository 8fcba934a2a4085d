use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use tracing_subscriber::fmt::MakeWriter;

use mcsv_rpc::{Body, Channel, Protocol, Router};

use crate::app::{App, EchoClient, EchoServer, Failure, Running, ping};
use crate::wire::{echo_request, send};

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

impl GaugeFn for Note {
    fn increment(&self, by: f64) {
        let Note(Notes(seen), name) = self;
        seen.lock().unwrap().insert(format!("{name} +{by}"));
    }

    fn decrement(&self, by: f64) {
        let Note(Notes(seen), name) = self;
        seen.lock().unwrap().insert(format!("{name} -{by}"));
    }

    fn set(&self, _: f64) {
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

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(Note::of(self, key))
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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
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
    for side in ["server", "client"] {
        for method in ["Echo", "Fail"] {
            for change in ["+1", "-1"] {
                let labels = format!("service=echo.v1.Echo method={method} protocol=twirp");
                let metric = format!("rpc_{side}_calls_in_flight {labels} {change}");
                assert!(metrics.contains(&metric), "{metric} is not in {metrics:?}");
            }
        }
    }
    assert_eq!(metrics.len(), 16);
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
    let canceled = |metric: &&String| metric.ends_with("method=Wait protocol=twirp code=canceled");
    assert_eq!(metrics.iter().filter(canceled).count(), 4);
    let ended = |metric: &&String| metric.ends_with("method=Wait protocol=twirp -1");
    assert_eq!(metrics.iter().filter(ended).count(), 2);
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

#[test]
fn what_a_caller_is_not_told_of_a_server_behind_is_in_the_log() {
    let (_, log) = observe(async {
        let nobody = EchoClient::connect("http://127.0.0.1:1/prefix").unwrap();
        let error = App::before(nobody).client().forward(ping("")).await.unwrap_err();
        assert!(!format!("{error:?}").contains("prefix"), "{error:?}");
    });
    let served = log.lines().find(|line| line.contains("served a call")).unwrap();
    assert!(served.contains(" WARN "), "{served}");
    assert!(served.contains("can't reach http://127.0.0.1:1/prefix: Connection refused"), "{log}");
}

#[test]
fn a_call_that_goes_to_another_endpoint_is_counted() {
    let (metrics, log) = observe(async {
        let urls = ["http://127.0.0.1:1", "http://127.0.0.2:1"];
        let client = EchoClient::from_channel(Channel::connect_all(urls).unwrap());
        client.look(ping("")).await.unwrap_err();
    });
    let counted = "rpc_client_retries_total service=echo.v1.Echo method=Look";
    assert!(metrics.contains(counted), "{metrics:?}");
    check_fields(&fields(&log, "rpc_client"), &["rpc.resend_count=1"]);
}

#[test]
fn a_request_that_is_refused_is_counted_by_names_in_the_code_alone() {
    let (metrics, log) = observe(async {
        let router = Router::new().add(EchoServer::new(App::default())).with_concurrency_limit(0);
        let unknown = http::Request::post("/secret/secret").body(Body::empty()).unwrap();
        assert_eq!(send(&router, unknown).await.status(), 404);
        let mut untyped = echo_request("hi");
        untyped.headers_mut().remove("content-type");
        assert_eq!(send(&router, untyped).await.status(), 404);
        assert_eq!(send(&router, echo_request("hi")).await.status(), 503);
    });
    let expected = [
        "service=echo.v1.Echo method=Echo protocol=twirp code=bad_route",
        "service=echo.v1.Echo method=Echo protocol=twirp code=unavailable",
        "service=unknown method=unknown protocol=twirp code=bad_route",
    ];
    let expected = expected.map(|labels| format!("rpc_server_calls_total {labels}"));
    assert_eq!(metrics.into_iter().collect::<Vec<_>>(), expected);
    assert!(!log.contains("secret"), "{log}");
}

/// The fields of the spans of one call, as the line at its end shows them.
fn fields(log: &str, span: &str) -> String {
    let what = if span == "rpc_server" { "served a call" } else { "made a call" };
    let line = log.lines().find(|line| line.contains(what)).unwrap();
    let from = line.rfind(&format!("{span}{{")).unwrap();
    line[from..line[from..].find('}').unwrap() + from].to_owned()
}

#[track_caller]
fn check_fields(fields: &str, expected: &[&str]) {
    for field in expected {
        assert!(fields.contains(field), "{field} is not in {fields}");
    }
}

#[test]
fn a_span_has_the_attributes_of_the_conventions() {
    let (_, log) = observe(async {
        let running = Running::start(App::default().router()).await;
        let client = running.client().with_header("x-secret", "hidden");
        client.echo(ping("")).await.unwrap();
    });
    let server = fields(&log, "rpc_server");
    check_fields(
        &server,
        &[
            "otel.kind=\"server\"",
            "rpc.system.name=\"twirp\"",
            "rpc.method=\"echo.v1.Echo/Echo\"",
            "rpc.status_code=\"OK\"",
            "http.request.method=\"POST\"",
            "http.route=\"/twirp/echo.v1.Echo/Echo\"",
            "http.response.status_code=200",
            "network.protocol.version=\"1.1\"",
            "network.peer.address=127.0.0.1",
            "client.address=127.0.0.1",
            "server.address=\"127.0.0.1\"",
            "server.port=",
        ],
    );
    assert!(!server.contains("error.type") && !server.contains("otel.status_code"), "{server}");
    let client = fields(&log, "rpc_client");
    check_fields(&client, &["otel.kind=\"client\"", "rpc.status_code=\"OK\"", "server.port="]);
    assert!(!log.contains("hidden"), "{log}");
}

#[test]
fn what_the_caller_got_wrong_is_an_error_of_the_client_s_span_alone() {
    for (protocol, written) in [
        (Protocol::Twirp, "not_found"),
        (Protocol::Connect, "not_found"),
        (Protocol::Grpc, "NOT_FOUND"),
    ] {
        let (_, log) = observe(async {
            let client = App::default().client().with_protocol(protocol);
            client.fail(failure("not_found")).await.unwrap_err();
        });
        let (server, client) = (fields(&log, "rpc_server"), fields(&log, "rpc_client"));
        let status = format!("rpc.status_code=\"{written}\"");
        check_fields(&server, &[&status]);
        assert!(!server.contains("error.type"), "{server}");
        let kind = format!("error.type=\"{written}\"");
        check_fields(&client, &[&status, &kind, "otel.status_code=\"ERROR\""]);
    }
}

#[test]
fn a_failure_of_the_server_is_an_error_of_its_span() {
    let (_, log) = observe(async {
        let client = App::default().client().with_protocol(Protocol::Connect);
        client.fail(failure("source")).await.unwrap_err();
    });
    let server = fields(&log, "rpc_server");
    check_fields(&server, &["error.type=\"internal\"", "http.response.status_code=500"]);
    let lines = log.lines().filter(|line| line.contains("served a call"));
    assert_eq!(lines.count(), 1);
}
