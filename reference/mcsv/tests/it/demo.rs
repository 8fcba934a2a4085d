use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::process::run;

const SAMPLES: [&str; 3] = ["gradient-16bit.png", "palette-alpha.png", "rotated.jpg"];

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name)
}

struct Demo {
    code: Option<i32>,
    lines: Vec<Value>,
    log: Vec<Value>,
    _folder: tempfile::TempDir,
}

fn demo(files: &[PathBuf]) -> Demo {
    let folder = tempfile::tempdir().unwrap();
    let mut arguments = vec!["demo", "--json", "--data", folder.path().to_str().unwrap()];
    arguments.extend(files.iter().map(|file| file.to_str().unwrap()));
    let output = run(&arguments);
    let read = |bytes: &[u8]| -> Vec<Value> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    };
    Demo {
        code: output.status.code(),
        lines: read(&output.stdout),
        log: read(&output.stderr),
        _folder: folder,
    }
}

fn text(value: &Value) -> String {
    std::fs::read_to_string(value.as_str().unwrap()).unwrap()
}

#[test]
fn every_sample_becomes_a_pdf_and_a_mail_under_one_trace() {
    let demo = demo(&[]);

    assert_eq!(demo.code, Some(0), "{:#?}", demo.lines);
    assert_eq!(demo.lines.len(), SAMPLES.len());
    for line in &demo.lines {
        assert_eq!(line["ok"], true, "{line}");
        let pdf = std::fs::read(line["pdf"].as_str().unwrap()).unwrap();
        assert!(pdf.starts_with(b"%PDF-") && line["output_bytes"] == pdf.len(), "{line}");
        let mail = text(&line["mail"]);
        let trace_id = line["trace_id"].as_str().unwrap();
        assert!(mail.contains(&format!("X-Trace-Id: {trace_id}")), "{mail}");
        assert!(mail.contains("is ready"), "{mail}");
        assert!(line["steps_ms"]["total"].as_f64().unwrap() > 0.0, "{line}");
    }
    // The same trace in the logs of all five, for each file.
    let mut services = BTreeMap::<&str, BTreeSet<&str>>::new();
    for line in &demo.log {
        if let (Some(trace), Some(service)) = (line["trace_id"].as_str(), line["service"].as_str())
        {
            services.entry(trace).or_default().insert(service);
        }
    }
    for line in &demo.lines {
        let seen = &services[line["trace_id"].as_str().unwrap()];
        for service in ["client_svc", "user_svc", "job_svc", "email_svc", "image_svc"] {
            assert!(seen.contains(service), "{service} is not among {seen:?}");
        }
    }
}

#[test]
fn a_corrupt_image_fails_with_a_reason_and_the_others_arrive() {
    let folder = tempfile::tempdir().unwrap();
    let good = std::fs::read(sample("palette-alpha.png")).unwrap();
    let cut = folder.path().join("cut.png");
    std::fs::write(&cut, &good[..good.len() / 2]).unwrap();
    let text_file = folder.path().join("letter.png");
    std::fs::write(&text_file, "Dear Sir or Madam").unwrap();

    let demo = demo(&[cut, sample("rotated.jpg"), text_file]);

    assert_eq!(demo.code, Some(1));
    let ok: Vec<_> = demo.lines.iter().map(|line| line["ok"].as_bool().unwrap()).collect();
    assert_eq!(ok, [false, true, false], "{:#?}", demo.lines);
    for line in demo.lines.iter().filter(|line| line["ok"] == false) {
        let reason = line["error"].as_str().unwrap();
        assert!(reason.contains("png") || reason.contains("PNG"), "{reason}");
        assert!(text(&line["mail"]).contains("could not be converted"), "{line}");
        assert!(line["pdf"].is_null(), "{line}");
        let told = |log: &&Value| log["message"] == "job failed" && log["service"] == "job_svc";
        let told = demo.log.iter().filter(told).any(|log| log["trace_id"] == line["trace_id"]);
        assert!(told, "the log of job_svc tells it under the trace: {line}");
    }
}

#[test]
fn no_log_line_holds_a_signed_link_or_a_panic() {
    let demo = demo(&[]);

    for line in &demo.log {
        let line = line.to_string();
        // The path of a link may be logged; its signature and what a browser could open may not.
        assert!(!line.contains("ImageLoader/") || !line.contains('?'), "{line}");
        assert!(!line.contains("panicked"), "{line}");
    }
}
