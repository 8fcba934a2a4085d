//! How errors look, and under which status: what the tables of the protocols say.

use std::collections::BTreeMap;

use http::StatusCode;
use mcsv_core::Code;
use serde_json::{Map, Value, json};

use crate::{connect, twirp};

/// The two protocols that a document describes; gRPC has no place in OpenAPI.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Twirp,
    Connect,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Twirp => "twirp",
            Kind::Connect => "connect",
        }
    }

    fn status(self, code: Code) -> StatusCode {
        match self {
            Kind::Twirp => twirp::status(code),
            Kind::Connect => connect::status(code),
        }
    }

    /// Each status with the codes that it stands for.
    fn statuses(self) -> BTreeMap<u16, Vec<&'static str>> {
        let mut statuses: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
        for code in Code::ALL {
            if matches!(self, Kind::Connect) && matches!(code, Code::Malformed | Code::BadRoute) {
                // Twirp's own: Connect has other words for them, under the same status.
                continue;
            }
            statuses.entry(self.status(code).as_u16()).or_default().push(code.as_str());
        }
        statuses
    }

    /// The name of the schema of errors, which is no name that a message can have.
    fn error_schema(self) -> String {
        format!("{}-error", self.name())
    }

    /// The error answers of one operation.
    pub(crate) fn refs(self) -> impl Iterator<Item = (String, Value)> {
        self.statuses().into_keys().map(move |status| {
            let place = format!("#/components/responses/{}.{status}", self.name());
            (status.to_string(), json!({ "$ref": place }))
        })
    }
}

/// The answers that all operations share.
pub(crate) fn responses() -> Map<String, Value> {
    let mut responses = Map::new();
    for kind in [Kind::Connect, Kind::Twirp] {
        let schema = format!("#/components/schemas/{}", kind.error_schema());
        for (status, codes) in kind.statuses() {
            let response = json!({
                "description": format!("Error `{}`.", codes.join("`, `")),
                "content": { "application/json": { "schema": { "$ref": schema } } },
            });
            responses.insert(format!("{}.{status}", kind.name()), response);
        }
    }
    responses
}

pub(crate) fn schemas() -> Map<String, Value> {
    let codes = |kind: Kind| kind.statuses().into_values().flatten().collect::<Vec<_>>();
    let twirp = json!({
        "type": "object",
        "description": "An error as Twirp writes it.",
        "required": ["code", "msg"],
        "properties": {
            "code": { "type": "string", "enum": codes(Kind::Twirp) },
            "msg": { "type": "string", "description": "For a person." },
            "meta": { "type": "object", "additionalProperties": { "type": "string" } },
        },
    });
    let detail = json!({
        "type": "object",
        "required": ["type", "value"],
        "properties": {
            "type": { "type": "string", "description": "The full name of the detail's message." },
            "value": { "type": "string", "contentEncoding": "base64" },
        },
    });
    let connect = json!({
        "type": "object",
        "description": "An error as Connect writes it.",
        "required": ["code"],
        "properties": {
            "code": { "type": "string", "enum": codes(Kind::Connect) },
            "message": { "type": "string", "description": "For a person." },
            "details": { "type": "array", "items": detail },
        },
    });
    [(Kind::Connect, connect), (Kind::Twirp, twirp)]
        .into_iter()
        .map(|(kind, schema)| (kind.error_schema(), schema))
        .collect()
}
