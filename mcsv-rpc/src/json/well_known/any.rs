use prost_types::Any;

use crate::json::any_types::any_type;
use crate::json::{JsonError, JsonMessage, JsonReader, JsonWriter};

/// The message that is held, with its type: `{"@type": "example.com/shapes.v1.Circle", ..}`.
///
/// A message whose form is no object of its fields is an entry `value` beside the type.
impl JsonMessage for Any {
    const IS_PLAIN_OBJECT: bool = false;

    fn write_json(&self, out: &mut JsonWriter) {
        let Any { type_url, value } = self;
        if type_url.is_empty() && value.is_empty() {
            return out.object(|_| {});
        }
        if out.is_too_deep() {
            // Each level was bytes until now, so that nothing else has bounded them.
            return out.fail(JsonError::of_value("nested too deep: the limit is 100"));
        }
        match any_type(type_url) {
            None => out.fail(unknown(type_url)),
            Some(any) if any.is_plain_object => {
                out.announce_type(type_url);
                (any.write)(value, out);
            }
            Some(any) => out.object(|out| {
                out.key("@type");
                out.string(type_url);
                out.key("value");
                (any.write)(value, out);
            }),
        }
    }

    fn read_json(input: &mut JsonReader<'_>) -> Result<Self, JsonError> {
        let Some(type_url) = input.look_for_type()? else {
            let mut is_empty = true;
            input.object(|input, _| {
                is_empty = false;
                input.skip()
            })?;
            return match is_empty {
                true => Ok(Any::default()),
                false => Err(input.error("an Any without an @type")),
            };
        };
        let Some(any) = any_type(&type_url) else {
            return Err(input.error(unknown(&type_url).to_string()));
        };
        if any.is_plain_object {
            // The message passes over the `@type` like over any name that it does not know.
            return Ok(Any { value: (any.read)(input)?, type_url });
        }
        let mut value = None;
        input.object(|input, name| match (name, &value) {
            ("value", None) => {
                value = Some((any.read)(input)?);
                Ok(())
            }
            ("value", Some(_)) => Err(input.error("the value is given twice")),
            _ => input.skip(),
        })?;
        match value {
            Some(value) => Ok(Any { type_url, value }),
            None => Err(input.error("the Any has no value")),
        }
    }
}

fn unknown(type_url: &str) -> JsonError {
    let end = type_url.floor_char_boundary(200);
    JsonError::of_value(format!("the type {:?} of an Any is not known here", &type_url[..end]))
}
