use prost_types::NullValue;

use crate::json::JsonEnum;

impl JsonEnum for NullValue {
    const IS_NULL: bool = true;

    fn json_name(number: i32) -> Option<&'static str> {
        (number == 0).then_some("NULL_VALUE")
    }

    fn json_number(name: &str) -> Option<i32> {
        (name == "NULL_VALUE").then_some(0)
    }
}
