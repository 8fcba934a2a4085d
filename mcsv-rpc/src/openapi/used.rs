//! The shared parts of a document that its paths lead to: a linter warns of any other.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// What of `all`, which has components by kind and name, is referred to by `paths`, or by what is.
pub(crate) fn components(paths: &Map<String, Value>, all: Value) -> Value {
    let mut used = BTreeSet::new();
    let mut waiting: Vec<&str> = paths.values().flat_map(refs).collect();
    while let Some(place) = waiting.pop() {
        if used.insert(place) {
            let component = place.strip_prefix("#/components").and_then(|at| all.pointer(at));
            waiting.extend(component.into_iter().flat_map(refs));
        }
    }
    let kept = |kind: &str, name: &str| used.contains(&*format!("#/components/{kind}/{name}"));
    let Value::Object(kinds) = &all else { return all };
    let kinds = kinds.iter().filter_map(|(kind, components)| {
        let components = components.as_object()?.iter().filter(|(name, _)| kept(kind, name));
        let components: Map<_, _> = components.map(|(k, v)| (k.clone(), v.clone())).collect();
        Some((kind.clone(), Value::Object(components)))
    });
    Value::Object(kinds.collect())
}

/// The places that the parts of `value` refer to.
fn refs(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(members) => {
            let own = members.get("$ref").and_then(Value::as_str);
            own.into_iter().chain(members.values().flat_map(refs)).collect()
        }
        Value::Array(items) => items.iter().flat_map(refs).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_nothing_leads_to_is_left_out_and_a_circle_ends() {
        let place = |name| json!({ "$ref": format!("#/components/schemas/{name}") });
        let all = json!({
            "schemas": { "a": { "items": [place("b")] }, "b": place("a"), "c": place("a") },
            "responses": { "none": {} },
        });
        let paths = json!({ "/": { "get": place("a") } });
        let kept = components(paths.as_object().unwrap(), all.clone());
        assert_eq!(kept["schemas"], json!({ "a": all["schemas"]["a"], "b": all["schemas"]["b"] }));
        assert_eq!(kept["responses"], json!({}));
    }
}
