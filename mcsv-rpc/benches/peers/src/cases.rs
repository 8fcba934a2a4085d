//! What is measured: a server, and the requests that it gets.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message;

use crate::messages::{Blob, GetUserRequest};

/// Servers that answer the same message; the first is the bare one that the others are held to.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) cases: Vec<Case>,
}

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) server: &'static str,
    pub(crate) request: Request,
}

#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) http: Http,
    pub(crate) path: &'static str,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) body: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Http {
    One,
    Two,
}

const TWIRP: &str = "application/protobuf";
const CONNECT: &str = "application/proto";
const JSON: &str = "application/json";
const GRPC: &str = "application/grpc";
const TRACE: (&str, &str) =
    ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");

const TWIRP_USER: &str = "/twirp/bench.v1.Users/GetUser";
const TWIRP_ECHO: &str = "/twirp/bench.v1.Users/Echo";
const USER: &str = "/bench.v1.Users/GetUser";
const ECHO: &str = "/bench.v1.Users/Echo";

pub(crate) fn groups() -> Vec<Group> {
    let (user, blob) = (user(), blob());
    let post = |http, path, kind, body: &[u8]| Request {
        http,
        path,
        headers: vec![("content-type", kind)],
        body: body.to_vec(),
    };
    let grpc = |path, body: &[u8]| {
        let mut framed = vec![0];
        framed.extend_from_slice(&(body.len() as u32).to_be_bytes());
        framed.extend_from_slice(body);
        let mut request = post(Http::Two, path, GRPC, &framed);
        request.headers.push(("te", "trailers"));
        request
    };
    let all = |mut request: Request, deadline| {
        request.headers.extend([deadline, TRACE]);
        request
    };
    let one = |path, kind| post(Http::One, path, kind, &user);
    let json = |path| post(Http::One, path, JSON, USER_JSON);
    let large = |path, kind| post(Http::One, path, kind, &blob);
    let two = |path, kind| post(Http::Two, path, kind, &user);
    let connect = ("connect-timeout-ms", "30000");
    let timeout = ("grpc-timeout", "30S");
    vec![
        Group {
            name: "HTTP/1.1, user message",
            cases: vec![
                case("bare hyper + prost", "bare-h1", one(TWIRP_USER, TWIRP)),
                case("mcsv-rpc", "ours", one(TWIRP_USER, TWIRP)),
                case("mcsv-rpc, under bare hyper", "ours-tower-h1", one(TWIRP_USER, TWIRP)),
                case("mcsv-rpc, all on", "ours-all", all(one(TWIRP_USER, TWIRP), connect)),
                case(
                    "mcsv-rpc, all on and a log line",
                    "ours-log",
                    all(one(TWIRP_USER, TWIRP), connect),
                ),
                case("bare, headers of all on", "bare-h1", all(one(TWIRP_USER, TWIRP), connect)),
                case("axum + prost", "axum", one(TWIRP_USER, TWIRP)),
                case("connectrpc", "connect", one(USER, CONNECT)),
                case("twirp-rs", "twirp", one(TWIRP_USER, TWIRP)),
            ],
        },
        Group {
            name: "HTTP/1.1, user message in JSON",
            cases: vec![
                case("bare hyper + serde_json", "bare-h1", json("/json/bench.v1.Users/GetUser")),
                case("mcsv-rpc", "ours", json(TWIRP_USER)),
                case("connectrpc", "connect", json(USER)),
                case("twirp-rs", "twirp", json(TWIRP_USER)),
            ],
        },
        Group {
            name: "HTTP/1.1, 64 KiB",
            cases: vec![
                case("bare hyper + prost", "bare-h1", large(TWIRP_ECHO, TWIRP)),
                case("the same once more", "bare-h1", large(TWIRP_ECHO, TWIRP)),
                case("mcsv-rpc", "ours", large(TWIRP_ECHO, TWIRP)),
                case("mcsv-rpc, under bare hyper", "ours-tower-h1", large(TWIRP_ECHO, TWIRP)),
                case("axum + prost", "axum", large(TWIRP_ECHO, TWIRP)),
                case("connectrpc", "connect", large(ECHO, CONNECT)),
                case("twirp-rs", "twirp", large(TWIRP_ECHO, TWIRP)),
            ],
        },
        Group {
            name: "HTTP/2, user message",
            cases: vec![
                case("bare hyper, gRPC by hand", "bare-h2", grpc(USER, &user)),
                case("mcsv-rpc, gRPC", "ours", grpc(USER, &user)),
                case("mcsv-rpc, gRPC, under bare hyper", "ours-tower-h2", grpc(USER, &user)),
                case("mcsv-rpc, gRPC, all on", "ours-all", all(grpc(USER, &user), timeout)),
                case("tonic", "tonic", grpc(USER, &user)),
                case("connectrpc, gRPC", "connect", grpc(USER, &user)),
                case("bare hyper, no trailers", "bare-h2", two(TWIRP_USER, TWIRP)),
                case("mcsv-rpc, Connect", "ours", two(USER, CONNECT)),
                case("mcsv-rpc, Twirp", "ours", two(TWIRP_USER, TWIRP)),
                case("connectrpc, Connect", "connect", two(USER, CONNECT)),
            ],
        },
        Group {
            name: "HTTP/2, 64 KiB",
            cases: vec![
                case("bare hyper, gRPC by hand", "bare-h2", grpc(ECHO, &blob)),
                case("the same once more", "bare-h2", grpc(ECHO, &blob)),
                case("mcsv-rpc, gRPC, under bare hyper", "ours-tower-h2", grpc(ECHO, &blob)),
                case("mcsv-rpc, gRPC", "ours", grpc(ECHO, &blob)),
                case("tonic", "tonic", grpc(ECHO, &blob)),
                case("connectrpc, gRPC", "connect", grpc(ECHO, &blob)),
            ],
        },
    ]
}

/// The groups, with the first case and those that one of the words names; all without words.
pub(crate) fn chosen(words: &[&str]) -> Vec<Group> {
    let mut groups = groups();
    for group in &mut groups {
        let group_name = group.name;
        let named = |case: &Case| {
            let name = format!("{group_name}: {}", case.name);
            words.is_empty() || words.iter().any(|word| name.contains(word))
        };
        let mut first = true;
        let any = group.cases.iter().any(named);
        group.cases.retain(|case| any && (std::mem::take(&mut first) || named(case)));
    }
    groups.retain(|group| !group.cases.is_empty());
    groups
}

fn case(name: &'static str, server: &'static str, request: Request) -> Case {
    Case { name, server, request }
}

/// 137 bytes: three strings and a map of four entries.
fn user() -> Vec<u8> {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let labels = BTreeMap::from([
        pair("plan", "premium"),
        pair("region", "eu-west"),
        pair("source", "mobile"),
        pair("campaign", "winter"),
    ]);
    GetUserRequest {
        id: "01J9ZQ3X7T4W8M6N2K5P1R0SVY".to_owned(),
        tenant: "a-tenant-of-some-length".to_owned(),
        locale: "en-GB".to_owned(),
        labels,
    }
    .encode_to_vec()
}

const USER_JSON: &[u8] = br#"{"id":"01J9ZQ3X7T4W8M6N2K5P1R0SVY","tenant":"a-tenant-of-some-length","locale":"en-GB","labels":{"campaign":"winter","plan":"premium","region":"eu-west","source":"mobile"}}"#;

fn blob() -> Vec<u8> {
    let data: Vec<u8> = (0..64 * 1024_u32).map(|at| at.wrapping_mul(31) as u8).collect();
    Blob { data: Bytes::from(data) }.encode_to_vec()
}
