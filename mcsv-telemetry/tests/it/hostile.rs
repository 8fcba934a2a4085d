use std::fmt;

use mcsv_telemetry::LogFormat;
use proptest::prelude::*;

use crate::capture::{Capture, logged, telemetry};

/// The most that one line may take: 40 KiB of text, and six bytes for each where all are escaped.
const MAX_LINE: usize = 6 * 40 * 1024 + 4096;

#[track_caller]
fn check_one_line(capture: &Capture) {
    let text = capture.text();
    assert!(text.ends_with('\n') && text.matches('\n').count() == 1, "{text:?}");
    assert!(text.len() <= MAX_LINE, "{} bytes", text.len());
    let is_bad = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202e}');
    assert!(!text.trim_end_matches('\n').contains(is_bad), "{text:?}");
}

fn hostile_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[\\x00-\\x20\"\\\\{}=&?\u{7f}-\u{9f}\u{2028}\u{202e}]{0,40}",
        ("[a-z\n\"]{1,8}", 0..20_000_usize).prop_map(|(text, times)| text.repeat(times)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_text_stays_one_json_line(message in hostile_text(), field in hostile_text()) {
        let capture = logged(&[], || {
            let _span = tracing::info_span!("span", inside = %field).entered();
            tracing::info!(field, debug = ?field, "{message}");
        });

        check_one_line(&capture);
        let line = capture.line();
        // What may be redacted or cut is compared by the tests for that.
        if !message.contains('=') && message.len() <= 8 * 1024 {
            prop_assert_eq!(line["message"].as_str(), Some(message.as_str()));
        }
        if !field.contains('=') && field.len() <= 512 && message.len() <= 1024 {
            prop_assert_eq!(line["fields"]["field"].as_str(), Some(field.as_str()));
        }
    }

    #[test]
    fn any_text_stays_one_pretty_line(message in hostile_text(), field in hostile_text()) {
        let (telemetry, capture) = telemetry(&[]);
        let pipeline = telemetry.with_log_format(LogFormat::Pretty).build().unwrap();

        tracing::dispatcher::with_default(pipeline.dispatch(), || {
            tracing::info!(field, "{message}");
        });

        check_one_line(&capture);
    }

    #[test]
    fn any_number_is_json(float in any::<f64>(), signed in any::<i64>(), wide in any::<u128>()) {
        let capture = logged(&[], || tracing::info!(float, signed, wide, "numbers"));

        let line = capture.line();
        prop_assert_eq!(line["fields"]["signed"].as_i64(), Some(signed));
        if float.is_finite() {
            let text = capture.text();
            let number = text.split("\"float\":").nth(1).unwrap().split(',').next().unwrap();
            prop_assert_eq!(number.parse(), Ok(float));
        }
    }
}

#[test]
fn a_huge_value_is_cut_and_the_line_says_so() {
    let capture = logged(&[], || tracing::info!(body = "é".repeat(1_000_000), "got"));

    check_one_line(&capture);
    let line = capture.line();
    assert_eq!(line["truncated"], true);
    assert_eq!(line["fields"]["body"].as_str().unwrap().len(), 8 * 1024);
}

#[test]
fn an_endless_debug_value_ends() {
    struct Endless;
    impl fmt::Debug for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            loop {
                f.write_str("and so on, ")?;
            }
        }
    }

    let capture = logged(&[], || tracing::info!(value = ?Endless, "here"));

    assert_eq!(capture.line()["truncated"], true);
}

#[test]
fn a_span_that_is_updated_for_ever_stays_bounded() {
    let capture = logged(&[], || {
        let span = tracing::info_span!("long", state = tracing::field::Empty);
        for n in 0..10_000 {
            span.record("state", format!("{n}").repeat(100));
        }
        span.in_scope(|| tracing::info!("here"));
    });

    check_one_line(&capture);
    assert_eq!(capture.line()["span_fields"]["state"].as_str().unwrap().len(), 400);
}

#[test]
fn a_value_that_logs_itself_costs_no_line() {
    struct Talkative;
    impl fmt::Display for Talkative {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            tracing::info!("inner");
            f.write_str("outer")
        }
    }

    let capture = logged(&[], || tracing::info!(value = %Talkative, "here"));

    let lines = capture.lines();
    assert_eq!(lines.last().unwrap()["fields"]["value"], "outer");
}
