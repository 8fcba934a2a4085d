//! Messages that are nested ten thousand deep, where they are known and where they are not.

use http::Request;
use prost::Message;
use prost::encoding::encode_varint;

use crate::generated::json::v1::Shapes;
use crate::twirp_json::forms;
use crate::wire::{check_error, send};

const DEEP: usize = 10_000;

/// Field numbers of `Shapes`, `Known`, `Value` and `ListValue`.
const CHILD: u32 = 20;
const VALUE: u32 = 5;
const LIST_VALUE: u32 = 6;
const VALUES: u32 = 1;
/// No field at all.
const UNKNOWN: u32 = 1000;

/// Messages within messages: the fields' numbers from the inside to the outside.
fn messages(fields: impl IntoIterator<Item = u32>) -> Vec<u8> {
    let mut backwards = Vec::new();
    for field in fields {
        let mut head = Vec::new();
        encode_varint(u64::from(field << 3 | 2), &mut head);
        encode_varint(backwards.len() as u64, &mut head);
        backwards.extend(head.into_iter().rev());
    }
    backwards.reverse();
    backwards
}

/// Groups within groups, `closed` of them to the end.
fn groups(field: u32, open: usize, closed: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, times) in [(3, open), (4, closed)] {
        for _ in 0..times {
            encode_varint(u64::from(field << 3 | kind), &mut bytes);
        }
    }
    bytes
}

async fn post(method: &str, content_type: &str, body: Vec<u8>) -> http::Response<bytes::Bytes> {
    let request = Request::post(format!("/twirp/json.v1.Forms/{method}"));
    let request = request.header("content-type", content_type).body(body.into()).unwrap();
    send(&forms(), request).await
}

async fn check_refused(method: &str, content_type: &str, body: Vec<u8>) {
    let message = check_error(&post(method, content_type, body).await, 400, "malformed");
    assert!(message.contains("the body is no"), "{message}");
}

#[tokio::test]
async fn a_deep_protobuf_is_malformed() {
    const PROTOBUF: &str = "application/protobuf";
    check_refused("EchoShapes", PROTOBUF, messages([CHILD; DEEP])).await;
    let lists = [VALUES, LIST_VALUE].repeat(DEEP).into_iter().chain([VALUE]);
    check_refused("EchoKnown", PROTOBUF, messages(lists)).await;
    for field in [CHILD, UNKNOWN] {
        for closed in [0, DEEP / 2, DEEP] {
            check_refused("EchoShapes", PROTOBUF, groups(field, DEEP, closed)).await;
        }
    }
}

#[tokio::test]
async fn a_deep_message_in_an_unknown_field_is_passed_over() {
    let body = messages([UNKNOWN; DEEP]);
    let response = post("EchoShapes", "application/protobuf", body).await;
    assert_eq!(response.status(), 200);
    assert_eq!(Shapes::decode(&response.body()[..]).unwrap(), Shapes::default());
}

#[tokio::test]
async fn deep_json_is_malformed() {
    let any = |known: &str| format!(r#"{{"any":{{"@type":"x/google.protobuf.{known}","value":"#);
    let nested = r#"{"@type":"x/google.protobuf.Any","value":"#;
    for (method, start, open, close) in [
        ("EchoShapes", "", r#"{"child":"#, "}"),
        ("EchoShapes", "", r#"{"manyShapes":["#, "]}"),
        ("EchoShapes", "", r#"{"unknown":"#, "}"),
        ("EchoShapes", r#"{"unknown":"#, "[", "]"),
        ("EchoShapes", r#"{"unknown":"#, r#"[{"x":"#, "}]"),
        ("EchoKnown", r#"{"value":"#, "[", "]"),
        ("EchoKnown", r#"{"value":"#, r#"{"x":"#, "}"),
        ("EchoKnown", r#"{"struct":"#, r#"{"x":"#, "}"),
        ("EchoKnown", r#"{"list":"#, "[", "]"),
        ("EchoKnown", &any("Value"), "[", "]"),
        ("EchoKnown", &any("Struct"), r#"{"x":"#, "}"),
        ("EchoKnown", r#"{"any":"#, nested, "}"),
        // The type comes last, so that its value has to be kept until then.
        ("EchoKnown", r#"{"any":{"value":"#, "[", "]"),
        ("EchoKnown", r#"{"any":"#, r#"{"value":"#, r#","@type":"x/google.protobuf.Any"}"#),
    ] {
        for closed in [0, DEEP] {
            let body = [start, &open.repeat(DEEP), "{}", &close.repeat(closed)].concat();
            check_refused(method, "application/json", body.into_bytes()).await;
        }
    }
}
