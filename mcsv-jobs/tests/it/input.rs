use mcsv_jobs::{CronExpr, EventCursor, JobId, PageToken, State, Transition};
use proptest::prelude::*;

proptest! {
    #[test]
    fn text_from_outside_never_panics(text in "[0-9a-z*/, -]{0,24}|\\PC{0,24}") {
        let _ = text.parse::<CronExpr>();
        let _ = text.parse::<PageToken>();
        let _ = text.parse::<JobId>();
        let _ = text.parse::<EventCursor>();
        let _ = text.parse::<State>();
        let _ = text.parse::<Transition>();
    }

    #[test]
    fn what_is_read_prints_as_itself(number in 1..i64::MAX, minute in 0..60u8, step in 1..60u8) {
        prop_assert_eq!(number.to_string().parse::<JobId>()?.get(), number);
        let text = format!("{minute},*/{step} 1-5 * jan,3 sun");
        prop_assert_eq!(text.parse::<CronExpr>()?.to_string(), text);
    }
}
