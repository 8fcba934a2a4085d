//! The JSON form of Google's well-known types.

use std::collections::BTreeMap;
use std::fmt::Debug;

use bytes::Bytes;
use mcsv_rpc::codegen::prost_types::value::Kind;
use mcsv_rpc::codegen::prost_types::{
    Any, Duration, FieldMask, ListValue, Struct, Timestamp, Value,
};
use mcsv_rpc::json::{JsonMessage, from_json, to_json};
use prost::Message;

use crate::generated::json::v1::{FormsClient, Known, Scalars};
use crate::json::{check, check_read, check_refused};

#[track_caller]
fn check_unwritable<M: JsonMessage + Debug>(message: &M) {
    to_json(message).expect_err("it has no JSON form");
}

#[test]
fn times_are_of_rfc_3339() {
    for (seconds, nanos, json) in [
        (0, 0, "1970-01-01T00:00:00Z"),
        (-1, 999_999_999, "1969-12-31T23:59:59.999999999Z"),
        (951_782_400, 10_000_000, "2000-02-29T00:00:00.010Z"),
        (1, 1_000, "1970-01-01T00:00:01.000001Z"),
        (-62_135_596_800, 0, "0001-01-01T00:00:00Z"),
        (253_402_300_799, 0, "9999-12-31T23:59:59Z"),
    ] {
        check(&Timestamp { seconds, nanos }, &format!("\"{json}\""));
    }
    check_read("\"1970-01-01T01:00:00.5+01:00\"", &Timestamp { seconds: 0, nanos: 500_000_000 });
    check_read("\"1969-12-31T18:30:00-05:30\"", &Timestamp { seconds: 0, nanos: 0 });
}

#[test]
fn times_that_are_none_are_refused() {
    for json in [
        "",
        "1970-01-01",
        "1970-01-01T00:00:00",
        "1970-01-01t00:00:00Z",
        "1970-01-01T00:00:00z",
        "1970-01-01 00:00:00Z",
        "1970-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "1970-13-01T00:00:00Z",
        "1970-00-01T00:00:00Z",
        "1970-01-00T00:00:00Z",
        "1970-01-01T24:00:00Z",
        "1970-01-01T00:60:00Z",
        "1970-01-01T00:00:60Z",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00.1234567890Z",
        "1970-01-01T00:00:00+1:00",
        "1970-01-01T00:00:00+24:00",
        "0000-12-31T23:59:59Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "+970-01-01T00:00:00Z",
        "10000-01-01T00:00:00Z",
        "1970-01-01T00:00:0éZ",
    ] {
        check_refused::<Timestamp>(&format!("\"{json}\""));
    }
    check_unwritable(&Timestamp { seconds: 253_402_300_800, nanos: 0 });
    check_unwritable(&Timestamp { seconds: 0, nanos: -1 });
    check_unwritable(&Timestamp { seconds: 0, nanos: 1_000_000_000 });
}

#[test]
fn durations_are_seconds() {
    for (seconds, nanos, json) in [
        (0, 0, "0s"),
        (1, 500_000_000, "1.500s"),
        (0, -1, "-0.000000001s"),
        (-3, -1_000, "-3.000001s"),
        (315_576_000_000, 0, "315576000000s"),
    ] {
        check(&Duration { seconds, nanos }, &format!("\"{json}\""));
    }
    for json in ["", "1", "s", ".5s", "1.s", "1e3s", "+1s", "--1s", "1.0000000000s", "1 s"] {
        check_refused::<Duration>(&format!("\"{json}\""));
    }
    check_refused::<Duration>("\"315576000001s\"");
    check_refused::<Duration>("1");
    check_unwritable(&Duration { seconds: 1, nanos: -1 });
    check_unwritable(&Duration { seconds: 315_576_000_001, nanos: 0 });
}

#[test]
fn field_masks_are_paths_in_camel_case() {
    let mask = |paths: &[&str]| FieldMask { paths: paths.iter().map(|p| p.to_string()).collect() };
    check(&mask(&[]), "\"\"");
    check(&mask(&["user.display_name", "photo"]), "\"user.displayName,photo\"");
    for path in ["fooBar", "foo__bar", "foo_3_bar", "_", ""] {
        check_unwritable(&mask(&[path]));
    }
    for json in ["\"foo_bar\"", "\"a,,b\"", "\"a b\"", "1"] {
        check_refused::<FieldMask>(json);
    }
}

fn value(kind: Kind) -> Value {
    Value { kind: Some(kind) }
}

#[test]
fn structs_and_values_are_any_json() {
    let list = vec![value(Kind::NumberValue(1.5)), value(Kind::StringValue("x".into()))];
    let fields = BTreeMap::from([
        ("a".into(), value(Kind::NullValue(0))),
        ("b".into(), value(Kind::ListValue(ListValue { values: list }))),
        ("c".into(), value(Kind::BoolValue(true))),
    ]);
    let message = Known {
        r#struct: Some(Struct { fields: fields.clone() }),
        value: Some(value(Kind::StructValue(Struct { fields }))),
        list: Some(ListValue::default()),
        values: vec![value(Kind::NullValue(0)), value(Kind::NumberValue(-2.0))],
        named_values: BTreeMap::from([("n".into(), value(Kind::NullValue(0)))]),
        ..Known::default()
    };
    let object = r#"{"a":null,"b":[1.5,"x"],"c":true}"#;
    let rest = r#""list":[],"values":[null,-2],"namedValues":{"n":null}"#;
    check(&message, &format!(r#"{{"struct":{object},"value":{object},{rest}}}"#));
    check_unwritable(&value(Kind::NumberValue(f64::NAN)));
    check_unwritable(&Value { kind: None });
    check_refused::<Struct>(r#"{"a":1,"a":2}"#);
}

#[test]
fn null_is_a_value_only_where_it_can_be() {
    let message = Known { value: Some(value(Kind::NullValue(0))), ..Known::default() };
    check(&message, r#"{"value":null}"#);
    check_read(r#"{"timestamp":null,"int32Value":null,"any":null,"null":null}"#, &Known::default());
}

#[test]
fn wrappers_are_what_they_wrap() {
    let message = Known {
        empty: Some(()),
        bool_value: Some(false),
        int32_value: Some(0),
        int64_value: Some(-1),
        uint32_value: Some(1),
        uint64_value: Some(1),
        float_value: Some(0.5),
        double_value: Some(f64::INFINITY),
        string_value: Some(String::new()),
        bytes_value: Some(Bytes::from_static(b"x").into()),
        ..Known::default()
    };
    check(
        &message,
        concat!(
            r#"{"empty":{},"boolValue":false,"int32Value":0,"int64Value":"-1","uint32Value":1,"#,
            r#""uint64Value":"1","floatValue":0.5,"doubleValue":"Infinity","stringValue":"","#,
            r#""bytesValue":"eA=="}"#
        ),
    );
}

fn any(name: &str, message: &impl Message) -> Any {
    Any { type_url: format!("type.googleapis.com/{name}"), value: message.encode_to_vec() }
}

/// A client registers the messages of its package.
fn register() {
    drop(FormsClient::in_process(mcsv_rpc::Router::new()));
}

#[test]
fn an_any_shows_the_message_that_it_holds() {
    register();
    let scalars = any("json.v1.Scalars", &Scalars { int_32: 1, ..Scalars::default() });
    check(&scalars, r#"{"@type":"type.googleapis.com/json.v1.Scalars","int32":1}"#);
    check_read(r#"{"int32":1,"@type":"type.googleapis.com/json.v1.Scalars"}"#, &scalars);
    let duration = any("google.protobuf.Duration", &Duration { seconds: 1, nanos: 0 });
    let json = r#"{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"}"#;
    check(&duration, json);
    let nested = any("google.protobuf.Any", &duration);
    let url = "type.googleapis.com/google.protobuf.Any";
    check(&nested, &format!(r#"{{"@type":"{url}","value":{json}}}"#));
    check(&Any::default(), "{}");
    check(
        &any("json.v1.Known", &Known { any: Some(duration), ..Known::default() }),
        &format!(r#"{{"@type":"type.googleapis.com/json.v1.Known","any":{json}}}"#),
    );
}

#[test]
fn an_any_that_is_not_known_is_refused() {
    check_unwritable(&any("unknown.v1.Thing", &()));
    for json in [
        r#"{"@type":"example.com/unknown.v1.Thing"}"#,
        r#"{"int32":1}"#,
        r#"{"@type":1}"#,
        r#"{"@type":"x/google.protobuf.Duration"}"#,
        r#"{"@type":"x/google.protobuf.Duration","value":"1s","value":"1s"}"#,
    ] {
        check_refused::<Any>(json);
    }
    check_unwritable(&Any { type_url: "x/google.protobuf.Any".into(), value: vec![0xff] });
}

#[test]
fn an_any_in_an_any_has_its_end() {
    let mut message = any("google.protobuf.Empty", &());
    for _ in 0..99 {
        message = any("google.protobuf.Any", &message);
    }
    let json = to_json(&message).unwrap();
    assert_eq!(from_json::<Any>(&json).unwrap(), message);
    for _ in 0..1000 {
        message = any("google.protobuf.Any", &message);
    }
    let error = to_json(&message).expect_err("too deep");
    assert!(error.to_string().contains("nested too deep"), "{error}");
}

#[test]
fn an_any_is_not_searched_again_and_again_for_its_type() {
    let url = r#""@type":"x/google.protobuf.Any""#;
    let (open, close) = (r#"{"value":"#.repeat(50), format!(",{url}}}").repeat(50));
    let json = format!("{open}{{}}{close}");
    assert!(check_refused::<Any>(&json).contains("put it first"));
}
