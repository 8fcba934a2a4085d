use prost_types::FieldMask;

use crate::json::{JsonError, JsonMessage, JsonReader, JsonWriter};

/// The paths in lowerCamelCase with commas between: `"user.displayName,photo"`.
impl JsonMessage for FieldMask {
    const IS_PLAIN_OBJECT: bool = false;

    fn write_json(&self, out: &mut JsonWriter) {
        let mut text = String::new();
        for (index, path) in self.paths.iter().enumerate() {
            let camel = camel(path);
            if snake(&camel).as_deref() != Some(path) || path.is_empty() {
                return out.fail(JsonError::of_value(format!(
                    "the path {path:?} of a field mask has no JSON form: use lower_snake_case"
                )));
            }
            text.push_str(if index == 0 { "" } else { "," });
            text.push_str(&camel);
        }
        out.string(&text);
    }

    fn read_json(input: &mut JsonReader<'_>) -> Result<Self, JsonError> {
        let text = input.string()?;
        if text.is_empty() {
            return Ok(FieldMask::default());
        }
        let paths: Option<Vec<String>> = text.split(',').map(snake).collect();
        match paths {
            Some(paths) => Ok(FieldMask { paths }),
            None => Err(input.error("expected paths in lowerCamelCase with commas between")),
        }
    }
}

fn camel(path: &str) -> String {
    let mut camel = String::with_capacity(path.len());
    let mut after_underscore = false;
    for letter in path.chars() {
        match letter {
            '_' => after_underscore = true,
            _ if after_underscore => {
                after_underscore = false;
                camel.push(letter.to_ascii_uppercase());
            }
            _ => camel.push(letter),
        }
    }
    camel
}

/// The way back; `None` where the path is no names with dots between.
fn snake(path: &str) -> Option<String> {
    let mut snake = String::with_capacity(path.len() + 4);
    for letter in path.chars() {
        match letter {
            'a'..='z' | '0'..='9' | '.' => snake.push(letter),
            'A'..='Z' => snake.extend(['_', letter.to_ascii_lowercase()]),
            _ => return None,
        }
    }
    let named = snake.split('.').all(|name| !name.is_empty());
    named.then_some(snake)
}
