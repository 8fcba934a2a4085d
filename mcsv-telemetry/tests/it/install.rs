use std::process::Command;

use http::{Request, StatusCode};
use serde_json::Value;

use crate::exposition::Page;
use crate::scrape::ask;

/// Set in the process that installs telemetry for good.
const CHILD: &str = "MCSV_TELEMETRY_TEST_CHILD";

/// What the child does; its standard error is what the test reads.
fn child() {
    let guard = mcsv_telemetry::init("svc").unwrap();
    let again = mcsv_telemetry::init("svc").unwrap_err();
    assert!(again.is_already_installed(), "{again}");

    tracing::info!("from tracing");
    tracing_log::log::info!(target: "old", "from log");
    metrics::counter!("calls_total").increment(1);
    let page = ask(mcsv_telemetry::metrics_service(), Request::new(()));
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(Page::parse_plain(&page.text).value("calls_total", &[]), 1.0);

    let thread = std::thread::Builder::new().name("worker".to_owned());
    thread.spawn(|| panic!("out of\npaper")).unwrap().join().unwrap_err();
    guard.shutdown().unwrap();
}

#[test]
fn a_process_installs_once_and_logs_what_comes_from_anywhere() {
    if std::env::var_os(CHILD).is_some() {
        return child();
    }
    let name = "install::a_process_installs_once_and_logs_what_comes_from_anywhere";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env_clear()
        .envs([(CHILD, "1"), ("LOG_FORMAT", "json"), ("RUST_LOG", "info,panic=error")])
        .output()
        .unwrap();

    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{text}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert_eq!(lines[0]["message"], "from tracing");
    assert_eq!(lines[1]["message"], "from log");
    assert_eq!(lines[1]["target"], "old");
    assert_eq!(lines[2]["level"], "ERROR");
    assert_eq!(lines[2]["message"], "panicked: out of\npaper");
    assert_eq!(lines[2]["fields"]["thread"], "worker");
    let location = lines[2]["fields"]["location"].as_str().unwrap();
    assert!(location.contains("install.rs:"), "{location}");
}
