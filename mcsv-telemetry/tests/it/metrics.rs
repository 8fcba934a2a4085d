use mcsv_core::{Sampling, SpanId, TraceContext, TraceId};
use mcsv_telemetry::{Pipeline, Telemetry};
use metrics::{counter, describe_counter, gauge, histogram, with_local_recorder};
use proptest::prelude::*;

use crate::scrape::scrape;

fn telemetry() -> Telemetry {
    Telemetry::new("svc").with_env([("", ""); 0])
}

fn recorded(telemetry: Telemetry, work: impl FnOnce()) -> Pipeline {
    let pipeline = telemetry.build().unwrap();
    with_local_recorder(pipeline.recorder(), work);
    pipeline
}

#[test]
fn values_are_on_the_page_in_both_formats() {
    let pipeline = recorded(telemetry(), || {
        describe_counter!("calls_total", "Calls that were\nanswered.");
        counter!("calls_total", "code" => "ok").increment(2);
        counter!("calls_total", "code" => "ok").increment(1);
        counter!("seen").absolute(7);
        counter!("seen").absolute(5);
        gauge!("depth").set(4.5);
        gauge!("depth").decrement(1.0);
        histogram!("wait_seconds").record(0.3);
        histogram!("size_bytes").record(5000.0);
    });

    let (open, plain) = scrape(&pipeline);
    assert_eq!(open.kind("calls"), Some("counter"));
    assert_eq!(plain.kind("calls_total"), Some("counter"));
    for page in [open, plain] {
        assert_eq!(page.value("calls_total", &[("code", "ok")]), 3.0);
        assert_eq!(page.value("seen_total", &[]), 7.0);
        assert_eq!(page.value("depth", &[]), 3.5);
        assert_eq!(page.value("wait_seconds_bucket", &[("le", "0.25")]), 0.0);
        assert_eq!(page.value("wait_seconds_bucket", &[("le", "0.5")]), 1.0);
        assert_eq!(page.value("wait_seconds_bucket", &[("le", "+Inf")]), 1.0);
        assert_eq!(page.value("size_bytes_bucket", &[("le", "16384.0")]), 1.0);
        assert_eq!(page.value("size_bytes_sum", &[]), 5000.0);
        assert_eq!(page.value("size_bytes_count", &[]), 1.0);
    }
}

#[test]
fn a_sampled_trace_leaves_exemplars() {
    let context = TraceContext::random_root();
    let pipeline = recorded(telemetry(), || {
        context.in_scope(|| {
            counter!("calls_total").increment(1);
            histogram!("wait_seconds").record(0.3);
        });
    });

    let (open, _) = scrape(&pipeline);
    let expected = vec![
        ("trace_id".to_owned(), context.trace_id().to_string()),
        ("span_id".to_owned(), context.span_id().to_string()),
    ];
    assert_eq!(open.exemplar("calls_total", &[]), Some(&expected));
    assert_eq!(open.exemplar("wait_seconds_bucket", &[("le", "0.5")]), Some(&expected));
    assert_eq!(open.exemplar("wait_seconds_bucket", &[("le", "1.0")]), None);
}

#[test]
fn a_trace_that_nobody_keeps_leaves_none() {
    let context = TraceContext::new(TraceId::random(), SpanId::random(), Sampling::NotSampled);
    let pipeline = recorded(telemetry(), || {
        context.in_scope(|| counter!("calls_total").increment(1));
        counter!("others_total").increment(1);
    });

    let (open, _) = scrape(&pipeline);
    assert_eq!(open.exemplar("calls_total", &[]), None);
    assert_eq!(open.exemplar("others_total", &[]), None);
}

#[test]
fn label_sets_beyond_the_limit_are_counted_together() {
    let pipeline = recorded(telemetry().with_series_limit(10), || {
        for user in 0..1000 {
            let user = user.to_string();
            counter!("calls_total", "user" => user.clone()).increment(1);
            gauge!("depth", "user" => user.clone()).set(1.0);
            histogram!("wait_seconds", "user" => user).record(1.0);
        }
        counter!("calls_total", "user" => "3").increment(1);
    });

    let (open, plain) = scrape(&pipeline);
    for page in [open, plain] {
        let overflow = [("otel_metric_overflow", "true")];
        assert_eq!(page.count("calls_total"), 11);
        assert_eq!(page.count("depth"), 11);
        assert_eq!(page.count("wait_seconds_count"), 11);
        assert_eq!(page.value("calls_total", &overflow), 990.0);
        assert_eq!(page.value("calls_total", &[("user", "3")]), 2.0);
    }
}

#[test]
fn a_name_is_of_one_kind() {
    let pipeline = recorded(telemetry(), || {
        gauge!("jobs").set(1.0);
        counter!("jobs_total").increment(5);
        histogram!("jobs").record(2.0);
    });

    let (open, _) = scrape(&pipeline);
    assert_eq!(open.kind("jobs"), Some("gauge"));
    assert_eq!(open.value("jobs", &[]), 1.0);
    assert_eq!(open.count("jobs_total"), 0);
}

#[test]
fn labels_whose_names_become_the_same_leave_the_first() {
    let pipeline = recorded(telemetry(), || {
        counter!("calls_total", "a.b" => "1", "a_b" => "2", "le" => "3").increment(1);
    });

    let (open, _) = scrape(&pipeline);
    assert_eq!(open.value("calls_total", &[("a_b", "1"), ("exported_le", "3")]), 1.0);
}

#[test]
fn chosen_buckets_go_before_the_usual() {
    let pipeline = recorded(telemetry().with_buckets("pages_seconds", [1.0, 7.0]), || {
        histogram!("pages_seconds").record(5.0);
    });

    let (open, _) = scrape(&pipeline);
    assert_eq!(open.count("pages_seconds_bucket"), 3);
    assert_eq!(open.value("pages_seconds_bucket", &[("le", "7.0")]), 1.0);
}

#[test]
fn a_value_that_is_no_number_does_not_spoil_the_sum() {
    let pipeline = recorded(telemetry(), || {
        histogram!("wait_seconds").record(f64::NAN);
        histogram!("wait_seconds").record(f64::INFINITY);
        histogram!("wait_seconds").record(1.0);
    });

    assert_eq!(scrape(&pipeline).0.value("wait_seconds_sum", &[]), 1.0);
}

#[test]
fn the_programs_own_process_metrics_go_before_ours() {
    let pipeline = recorded(telemetry(), || gauge!("process_threads").set(99.0));

    assert_eq!(scrape(&pipeline).0.value("process_threads", &[]), 99.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_name_label_and_value_makes_a_page_that_parses(
        series in prop::collection::vec(
            (".{0,12}", ".{0,12}", any::<String>(), any::<f64>(), any::<u64>()),
            1..8,
        ),
    ) {
        let context = TraceContext::random_root();
        let pipeline = recorded(telemetry(), || context.in_scope(|| {
            for (name, label, value, float, count) in series {
                // The letters keep the names of one kind apart from those of another.
                let labels = [(label.clone(), value.clone()), ("le".to_owned(), value)];
                counter!(format!("c{name}"), &labels).increment(count);
                gauge!(format!("g{name}x"), &labels).set(float);
                histogram!(format!("h{name}x"), &labels).record(float);
                metrics::describe_gauge!(format!("g{name}x"), label);
            }
        }));

        scrape(&pipeline);
    }
}
