//! The paths of one service: Connect's, Twirp's, and those of its aliases, which are Twirp's too.

use serde_json::{Map, Value, json};

use super::document::{Described, DescribedMethod};
use super::errors::Kind;
use crate::ServiceOptions;

pub(crate) fn add(
    paths: &mut Map<String, Value>,
    twirp_prefix: &str,
    service: &Described,
    options: &ServiceOptions,
) {
    let name = &service.name;
    for method in &service.methods {
        let call = &method.name;
        let post = |kind, id: String| post(service, method, kind, &id);
        let mut bare = Map::new();
        bare.insert("post".to_owned(), post(Kind::Connect, format!("{name}.{call}")));
        if method.get {
            bare.insert("get".to_owned(), get(service, method));
        }
        paths.insert(format!("/{name}/{call}"), bare.into());
        if !twirp_prefix.is_empty() {
            let twirp = post(Kind::Twirp, format!("twirp.{name}.{call}"));
            paths.insert(format!("{twirp_prefix}/{name}/{call}"), json!({ "post": twirp }));
        }
        let aliases = options.method_aliases.iter().filter(|(_, of)| **of == **call);
        let words: Vec<&str> =
            [&**call].into_iter().chain(aliases.map(|(alias, _)| &**alias)).collect();
        for alias in &options.aliases {
            for word in &words {
                let operation = post(Kind::Twirp, format!("{}.{word}", alias.replace('/', ".")));
                paths.insert(format!("/{alias}/{word}"), json!({ "post": operation }));
            }
        }
    }
}

fn post(service: &Described, method: &DescribedMethod, kind: Kind, id: &str) -> Value {
    let mut operation = operation(service, method, kind, id);
    operation.insert(
        "requestBody".to_owned(),
        json!({ "required": true, "content": content(kind, &method.request) }),
    );
    if matches!(kind, Kind::Connect) {
        let names = ["Connect-Protocol-Version", "Connect-Timeout-Ms"];
        operation.insert("parameters".to_owned(), refs(&names).into());
    }
    operation.into()
}

fn get(service: &Described, method: &DescribedMethod) -> Value {
    let id = format!("{}.{}.get", service.name, method.name);
    let mut operation = operation(service, method, Kind::Connect, &id);
    let names = ["message", "encoding", "base64", "compression", "connect", "Connect-Timeout-Ms"];
    operation.insert("parameters".to_owned(), refs(&names).into());
    operation.into()
}

fn operation(
    service: &Described,
    method: &DescribedMethod,
    kind: Kind,
    id: &str,
) -> Map<String, Value> {
    let summary = method.summary.as_ref().unwrap_or(&method.name);
    let fallback = format!("The method {}/{}.", service.name, method.name);
    let description = method.description.as_ref().unwrap_or(&fallback);
    let ok = json!({ "description": "The answer.", "content": content(kind, &method.response) });
    let mut responses = Map::from_iter(kind.refs());
    responses.insert("200".to_owned(), ok);
    let mut operation = Map::from_iter([
        ("operationId".to_owned(), json!(id)),
        ("tags".to_owned(), json!([service.name])),
        ("summary".to_owned(), json!(summary)),
        ("description".to_owned(), json!(description)),
        ("responses".to_owned(), responses.into()),
    ]);
    if method.deprecated || service.deprecated {
        operation.insert("deprecated".to_owned(), json!(true));
    }
    operation
}

fn content(kind: Kind, message: &str) -> Value {
    let protobuf = match kind {
        Kind::Twirp => "application/protobuf",
        Kind::Connect => "application/proto",
    };
    json!({
        "application/json": {
            "schema": { "$ref": format!("#/components/schemas/{message}") },
        },
        protobuf: { "schema": {
            "type": "string", "format": "binary",
            "description": format!("The message {message} in protobuf's binary form."),
        } },
    })
}

fn refs(names: &[&str]) -> Vec<Value> {
    let place = |name: &&str| json!({ "$ref": format!("#/components/parameters/{name}") });
    names.iter().map(place).collect()
}

/// The parameters that operations refer to.
pub(crate) fn parameters() -> Value {
    let query = |name: &str, required: bool, schema: Value, text: &str| {
        json!({
            "name": name, "in": "query", "required": required, "schema": schema,
            "description": text,
        })
    };
    let header = |name: &str, required: bool, schema: Value, text: &str| {
        json!({
            "name": name, "in": "header", "required": required, "schema": schema,
            "description": text,
        })
    };
    json!({
        "Connect-Protocol-Version": header(
            "Connect-Protocol-Version", true, json!({ "type": "string", "enum": ["1"] }),
            "The protocol's version: without it JSON may be Twirp's, whose errors differ.",
        ),
        "Connect-Timeout-Ms": header(
            "Connect-Timeout-Ms", false, json!({ "type": "string", "pattern": "^[0-9]{1,10}$" }),
            "When the caller gives up, in milliseconds from now.",
        ),
        "message": query("message", true, json!({ "type": "string" }), "The request."),
        "encoding": query(
            "encoding", true, json!({ "type": "string", "enum": ["json", "proto"] }),
            "The form of the request.",
        ),
        "base64": query(
            "base64", false, json!({ "type": "string", "enum": ["0", "1"] }),
            "1 where the request is in URL-safe base64.",
        ),
        "compression": query(
            "compression", false, json!({ "type": "string", "enum": ["identity", "gzip"] }),
            "How the request is compressed.",
        ),
        "connect": query(
            "connect", false, json!({ "type": "string", "enum": ["v1"] }),
            "The protocol's version.",
        ),
    })
}
