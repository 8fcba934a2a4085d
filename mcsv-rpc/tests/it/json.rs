//! The JSON form of scalars, fields and whole texts.

use std::collections::BTreeMap;
use std::fmt::Debug;

use bytes::Bytes;
use mcsv_rpc::json::{JsonMessage, from_json, to_json};
use proptest::prelude::*;

use crate::generated::json::v1::old::Part;
use crate::generated::json::v1::shapes::{Choice, Kind, KindOneOf};
use crate::generated::json::v1::{Colour, Old, Scalars, Shapes};

/// Checks that `message` is written as `json` and read back.
#[track_caller]
pub(crate) fn check<M: JsonMessage + PartialEq + Debug>(message: &M, json: &str) {
    assert_eq!(String::from_utf8(to_json(message).unwrap()).unwrap(), json);
    assert_eq!(&from_json::<M>(json.as_bytes()).unwrap(), message);
}

/// Checks that `json` means `message`, though it is not the form that is written.
#[track_caller]
pub(crate) fn check_read<M: JsonMessage + PartialEq + Debug>(json: &str, message: &M) {
    assert_eq!(&from_json::<M>(json.as_bytes()).unwrap(), message, "{json}");
}

/// Checks that `json` is refused, and gives the reason.
#[track_caller]
pub(crate) fn check_refused<M: JsonMessage + Debug>(json: &str) -> String {
    from_json::<M>(json.as_bytes()).expect_err(json).to_string()
}

#[test]
fn scalars_have_their_canonical_form() {
    let message = Scalars {
        int_32: i32::MIN,
        int_64: i64::MIN,
        uint_32: u32::MAX,
        uint_64: u64::MAX,
        sint_32: -1,
        sint_64: -1,
        fixed_32: 1,
        fixed_64: 1,
        sfixed_32: 1,
        sfixed_64: 1,
        a_float: 1.5,
        a_double: -1e300,
        a_bool: true,
        a_string: "é\u{1}\"\\\n\u{7f}😀".into(),
        a_bytes: Bytes::from_static(&[0xfb, 0xff, 0xfe, 0]),
        a_colour: Colour::Red.into(),
    };
    check(
        &message,
        concat!(
            r#"{"int32":-2147483648,"int64":"-9223372036854775808","uint32":4294967295,"#,
            r#""uint64":"18446744073709551615","sint32":-1,"sint64":"-1","fixed32":1,"#,
            r#""fixed64":"1","sfixed32":1,"sfixed64":"1","aFloat":1.5,"aDouble":-1e300,"#,
            r#""aBool":true,"aString":"é\u0001\"\\\n"#,
            "\u{7f}",
            r#"😀","aBytes":"+//+AA==","aColour":"COLOUR_RED"}"#
        ),
    );
}

#[test]
fn defaults_are_left_out() {
    check(&Scalars::default(), "{}");
    check(&Shapes::default(), "{}");
}

#[test]
fn null_stands_for_the_default_of_any_field() {
    let json = r#"{"int32":null,"int64":null,"aDouble":null,"aBool":null,"aString":null,"aBytes":null,"aColour":null}"#;
    check_read(json, &Scalars::default());
    let json = r#"{"optionalInt":null,"manyInts":null,"byText":null,"oneText":null,"child":null}"#;
    check_read(json, &Shapes::default());
}

#[test]
fn names_of_the_proto_are_read_too() {
    check_read(r#"{"int_32":1,"a_string":"x"}"#, &Scalars { a_string: "x".into(), ..int(1) });
}

#[test]
fn unknown_names_are_passed_over() {
    check_read(r#" { "what" : [{"a":[1,"]"]},null,true,-1.5e3] , "int32" : 1 } "#, &int(1));
    check_read(r#"{"aColour":"COLOUR_ULTRAVIOLET"}"#, &Scalars::default());
    let shapes = Shapes { many_colours: vec![1], ..Shapes::default() };
    check_read(r#"{"manyColours":["COLOUR_NEW","COLOUR_RED"]}"#, &shapes);
    check_read(r#"{"byBool":{"true":"COLOUR_NEW"}}"#, &Shapes::default());
}

#[test]
fn numbers_of_enums_are_read_and_unknown_ones_kept() {
    let colour = |a_colour| Scalars { a_colour, ..Scalars::default() };
    check_read(r#"{"aColour":1}"#, &colour(1));
    check_read(r#"{"aColour":"COLOUR_SCARLET"}"#, &colour(1));
    check(&colour(-1), r#"{"aColour":"COLOUR_NEGATIVE"}"#);
    check(&colour(77), r#"{"aColour":77}"#);
}

fn int(int_32: i32) -> Scalars {
    Scalars { int_32, ..Scalars::default() }
}

#[test]
fn whole_numbers_are_read_with_quotes_points_and_exponents() {
    for json in ["1", "\"1\"", "1.0", "1e0", "\"10e-1\"", "0.1E+1"] {
        check_read(&format!(r#"{{"int32":{json}}}"#), &int(1));
    }
    check_read(r#"{"int32":-0}"#, &int(0));
}

#[test]
fn numbers_that_do_not_fit_are_refused() {
    for json in [
        r#"{"int32":2147483648}"#,
        r#"{"int32":-2147483649}"#,
        r#"{"int32":0.5}"#,
        r#"{"int32":1e999999999}"#,
        r#"{"int32":""}"#,
        r#"{"int32":" 1"}"#,
        r#"{"int32":"0x1"}"#,
        r#"{"int32":true}"#,
        r#"{"uint32":-1}"#,
        r#"{"uint64":18446744073709551616}"#,
        r#"{"int64":"9223372036854775808"}"#,
        r#"{"aFloat":3.5e38}"#,
        r#"{"aDouble":1e309}"#,
        r#"{"aDouble":"inf"}"#,
        r#"{"aDouble":"nan"}"#,
        r#"{"aDouble":NaN}"#,
        r#"{"aDouble":""}"#,
        r#"{"aBool":"true"}"#,
        r#"{"aBool":1}"#,
        r#"{"aString":1}"#,
        r#"{"aColour":true}"#,
        r#"{"aBytes":"*"}"#,
    ] {
        check_refused::<Scalars>(json);
    }
}

#[test]
fn floats_that_are_no_number_have_names() {
    for (number, json) in [(f64::INFINITY, "Infinity"), (f64::NEG_INFINITY, "-Infinity")] {
        let message = Scalars { a_double: number, a_float: number as f32, ..Scalars::default() };
        check(&message, &format!(r#"{{"aFloat":"{json}","aDouble":"{json}"}}"#));
    }
    let message: Scalars = from_json(br#"{"aDouble":"NaN"}"#).unwrap();
    assert!(message.a_double.is_nan());
    assert_eq!(to_json(&message).unwrap(), br#"{"aDouble":"NaN"}"#);
}

#[test]
fn both_alphabets_of_base64_are_read_padded_or_not() {
    let message = Scalars { a_bytes: Bytes::from_static(&[0xfb, 0xff]), ..Scalars::default() };
    for json in ["+/8=", "+/8", "-_8=", "-_8"] {
        check_read(&format!(r#"{{"aBytes":"{json}"}}"#), &message);
    }
}

#[test]
fn escapes_are_read() {
    let message = Scalars { a_string: "\"\\/\u{8}\u{c}\n\r\tA😀".into(), ..Scalars::default() };
    check_read(r#"{"aString":"\"\\\/\b\f\n\r\t\u0041\ud83D\uDE00"}"#, &message);
    for bad in [r"\ud83d", r"\ude00", r"\ud83dx", r"\ud83d\u0041", r"\u12", r"\x", "\n", r"\é"] {
        check_refused::<Scalars>(&format!("{{\"aString\":\"{bad}\"}}"));
    }
}

#[test]
fn every_shape_of_field_has_its_form() {
    let message = Shapes {
        optional_int: Some(0),
        optional_text: Some(String::new()),
        optional_colour: Some(0),
        many_ints: vec![1, -2],
        many_colours: vec![0, 1, 9],
        many_shapes: vec![Shapes::default()],
        by_text: BTreeMap::from([("a".into(), 1), ("\"".into(), 2)]),
        by_int: BTreeMap::from([(-1, int(1))]),
        by_bool: BTreeMap::from([(false, 0), (true, 1)]),
        by_long: BTreeMap::from([(u64::MAX, Bytes::from_static(b"x"))]),
        choice: Some(Choice::OneInt(0)),
        field_name: "n".into(),
        custom: "c".into(),
        child: Some(Box::new(Shapes::default())),
        kind: Some(KindOneOf::IsKind(false)),
        of_kind: Some(Kind { inner: "i".into() }),
        ..Shapes::default()
    };
    check(
        &message,
        concat!(
            r#"{"optionalInt":0,"optionalText":"","optionalColour":"COLOUR_UNSPECIFIED","#,
            r#""manyInts":["1","-2"],"manyColours":["COLOUR_UNSPECIFIED","COLOUR_RED",9],"#,
            r#""manyShapes":[{}],"byText":{"\"":"2","a":"1"},"byInt":{"-1":{"int32":1}},"#,
            r#""byBool":{"false":"COLOUR_UNSPECIFIED","true":"COLOUR_RED"},"#,
            r#""byLong":{"18446744073709551615":"eA=="},"oneInt":"0","fieldName":"n","#,
            r#""@custom \"name\"":"c","child":{},"isKind":false,"ofKind":{"inner":"i"}}"#
        ),
    );
}

#[test]
fn a_oneof_holds_one() {
    let choice = |choice| Shapes { choice: Some(choice), ..Shapes::default() };
    check(&choice(Choice::OneNull(0)), r#"{"oneNull":null}"#);
    check(&choice(Choice::OneText(String::new())), r#"{"oneText":""}"#);
    check_read(r#"{"oneInt":null,"oneText":"x"}"#, &choice(Choice::OneText("x".into())));
    check_refused::<Shapes>(r#"{"oneText":"x","oneInt":"1"}"#);
}

#[test]
fn what_is_given_twice_is_refused() {
    check_refused::<Scalars>(r#"{"int32":1,"int32":1}"#);
    check_refused::<Scalars>(r#"{"int32":1,"int_32":1}"#);
    check_refused::<Shapes>(r#"{"byText":{"a":1,"a":2}}"#);
}

#[test]
fn null_is_no_element() {
    check_refused::<Shapes>(r#"{"manyInts":[null]}"#);
    check_refused::<Shapes>(r#"{"byText":{"a":null}}"#);
    check_refused::<Shapes>("null");
}

#[test]
fn keys_of_maps_are_of_their_type() {
    let message = Shapes { by_int: BTreeMap::from([(1, Scalars::default())]), ..Shapes::default() };
    check_read(r#"{"byInt":{"1":{}}}"#, &message);
    for json in [r#"{"byInt":{"x":{}}}"#, r#"{"byBool":{"1":0}}"#, r#"{"byLong":{"-1":""}}"#] {
        check_refused::<Shapes>(json);
    }
}

#[test]
fn fields_of_proto2_keep_their_presence() {
    let message = Old { must: 0, part: vec![Part { size: Some(0) }], level: Some(3), may: None };
    check(&message, r#"{"must":0,"part":[{"size":0}],"level":"LOW"}"#);
    check(&Old::default(), r#"{"must":0}"#);
}

#[test]
fn what_is_no_json_is_refused() {
    for json in [
        "",
        " ",
        "{",
        "}",
        "[]",
        "1",
        "\"x\"",
        "{}{}",
        "{} x",
        "{,}",
        "{\"a\":1,}",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":+1}",
        "{\"a\":[1,]}",
        "{\"a\":tru}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":\"",
        "{\"a\":\"\\",
        "{\"a\":[}",
        "{/**/}",
        "\u{feff}{}",
        "{\"a\":nul}",
        "{\"a\":-}",
    ] {
        check_refused::<Scalars>(json);
    }
    assert!(from_json::<Scalars>(b"{\"aString\":\"\xff\"}").is_err());
}

#[test]
fn deep_nesting_is_refused_before_the_stack_ends() {
    let deep = |n: usize| format!("{}{}", r#"{"child":"#.repeat(n) + "{}", "}".repeat(n));
    assert!(from_json::<Shapes>(deep(99).as_bytes()).is_ok());
    assert!(check_refused::<Shapes>(&deep(100)).contains("nested too deep"));
    assert!(check_refused::<Shapes>(&deep(100_000)).contains("nested too deep"));
    let unknown = |n: usize| format!(r#"{{"x":{}{}}}"#, "[".repeat(n), "]".repeat(n));
    assert!(from_json::<Shapes>(unknown(99).as_bytes()).is_ok());
    assert!(check_refused::<Shapes>(&unknown(1_000_000)).contains("nested too deep"));
}

#[test]
fn an_error_names_the_field_and_the_place_but_no_value() {
    let error = check_refused::<Shapes>(r#"{"byInt":{"7":{"aString":"ok","int32":"secret"}}}"#);
    assert_eq!(error, "field byInt.*.int32: expected a whole number of 32 bits at byte 46");
    let error = check_refused::<Shapes>(r#"{"manyInts":["1",{}]}"#);
    assert_eq!(error, "field manyInts.1: expected a number at byte 17");
}

proptest! {
    #[test]
    fn any_scalars_come_back(
        int_32: i32, int_64: i64, uint_64: u64, a_float: f32, a_double: f64, a_bool: bool,
        a_string: String, a_bytes: Vec<u8>, a_colour: i32,
    ) {
        // A NaN is no equal of itself, and of -0 the binary form leaves the sign out too.
        prop_assume!(!a_float.is_nan() && !a_double.is_nan());
        let message = Scalars {
            int_32, int_64, uint_64, a_float, a_double, a_bool, a_string,
            a_bytes: a_bytes.into(), a_colour, ..Scalars::default()
        };
        let json = to_json(&message).unwrap();
        serde_json::from_slice::<serde_json::Value>(&json).unwrap();
        prop_assert_eq!(from_json::<Scalars>(&json).unwrap(), message);
    }

    #[test]
    fn what_is_json_to_others_is_json_here(text in r#"[ {}\[\]",:0-9eE+\-.tnu\\a]{0,24}"#) {
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        let ours = from_json::<mcsv_rpc::codegen::prost_types::Value>(text.as_bytes());
        // A name that comes twice is fine there, and is so rare here that it may be an error.
        prop_assert!(theirs.is_ok() == ours.is_ok() || text.matches('"').count() >= 4, "{}", text);
    }
}
