//! Properties of the parsers: whatever comes in, they answer, and what they accept they keep.

use mcsv_core::{Backoff, Code, IdempotencyKey, SpanId, TraceContext, TraceId};
use proptest::prelude::*;
use std::time::Duration;

proptest! {
    #[test]
    fn a_traceparent_survives_the_round_trip(trace in any::<[u8; 16]>(), span in any::<[u8; 8]>(), flags: u8) {
        prop_assume!(trace != [0; 16] && span != [0; 8]);
        let (trace, span) = (TraceId::from_bytes(trace).unwrap(), SpanId::from_bytes(span).unwrap());

        let parsed = TraceContext::parse(&format!("00-{trace}-{span}-{flags:02x}"), None).unwrap();

        prop_assert_eq!((parsed.trace_id(), parsed.span_id()), (trace, span));
        prop_assert_eq!(parsed.is_sampled(), flags & 1 == 1);
        prop_assert_eq!(TraceContext::parse(&parsed.traceparent(), None).unwrap(), parsed);
    }

    #[test]
    fn any_text_as_traceparent_is_answered(text in "\\PC*", state in "\\PC*") {
        if let Ok(context) = TraceContext::parse(&text, Some(&state)) {
            prop_assert_eq!(context.traceparent().len(), 55);
        }
    }

    #[test]
    fn one_changed_character_is_refused_or_is_another_context(at in 0usize..55, with in "[ -~]") {
        const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let changed = format!("{}{with}{}", &GOOD[..at], &GOOD[at + 1..]);

        if let Ok(context) = TraceContext::parse(&changed, None) {
            // A later version and other flags are allowed to read as the same ids.
            let ids_kept = !(2..=52).contains(&at);
            prop_assert!(changed == GOOD || ids_kept || context.traceparent()[3..52] != GOOD[3..52]);
        }
    }

    #[test]
    fn a_tracestate_is_carried_whole_or_not_at_all(state in "\\PC{0,600}") {
        let context = TraceContext::random_root().with_tracestate(&state);

        match context.tracestate() {
            Some(kept) => prop_assert_eq!(kept, state),
            None => prop_assert!(
                state.is_empty() || state.len() > 512 || state.bytes().any(|b| !(0x20..=0x7e).contains(&b))
            ),
        }
    }

    #[test]
    fn an_idempotency_key_is_kept_or_refused(text in "\\PC*") {
        let allowed = (1..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());

        match text.parse::<IdempotencyKey>() {
            Ok(key) => prop_assert!(allowed && key.as_str() == text),
            Err(_) => prop_assert!(!allowed),
        }
    }

    #[test]
    fn a_derived_key_is_a_key(namespace in "\\PC{0,100}", parts in prop::collection::vec("\\PC*", 0..4)) {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let key = IdempotencyKey::derive(&namespace, &parts);

        prop_assert_eq!(key.as_str().parse(), Ok(key.clone()));
    }

    #[test]
    fn any_text_as_code_is_answered(text in "[a-z_]{0,20}") {
        if let Ok(code) = text.parse::<Code>() {
            prop_assert!(Code::ALL.contains(&code));
        }
    }

    #[test]
    fn a_delay_stays_within_its_jitter(
        first in 1u64..10_000, times in 1u64..1_000, factor in 1.0f64..100.0,
        jitter in 0.0f64..=1.0, attempt: u32, unit: f64,
    ) {
        let (first, max) = (Duration::from_millis(first), Duration::from_millis(first * times));
        let backoff = Backoff::exponential(first, max).unwrap()
            .with_factor(factor).unwrap()
            .with_jitter(jitter).unwrap();

        let (delay, middle) = (backoff.delay_with(attempt, unit), backoff.delay_with(attempt, 0.5));

        prop_assert!(middle >= first && middle <= max);
        prop_assert!(delay.as_secs_f64() <= middle.as_secs_f64() * (1.0 + jitter) + 1e-6);
        prop_assert!(delay.as_secs_f64() >= middle.as_secs_f64() * (1.0 - jitter) - 1e-6);
    }
}

#[test]
fn a_later_traceparent_version_is_read_by_the_rules_of_the_first() {
    let parse = |text: &str| TraceContext::parse(text, None).is_ok();
    let ids = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";

    assert!(parse(&format!("01-{ids}-01-what-the-future-is")));
    assert!(!parse(&format!("00-{ids}-01-what-the-future-is")));
    assert!(!parse(&format!("ff-{ids}-01")));
    assert!(!parse(&format!("00-{}-01", ids.to_uppercase())));
    assert!(!parse("00-00000000000000000000000000000000-00f067aa0ba902b7-01"));
    assert!(!parse("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"));
}
