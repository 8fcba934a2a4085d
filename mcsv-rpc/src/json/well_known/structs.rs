//! `Struct`, `ListValue` and `Value`: any JSON as a message.

use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};

use crate::json::{JsonError, JsonMessage, JsonReader, JsonWriter};

impl JsonMessage for Struct {
    const IS_PLAIN_OBJECT: bool = false;

    fn write_json(&self, out: &mut JsonWriter) {
        out.object(|out| {
            for (name, value) in &self.fields {
                out.key(name);
                value.write_json(out);
            }
        });
    }

    fn read_json(input: &mut JsonReader<'_>) -> Result<Self, JsonError> {
        let mut message = Struct::default();
        input.map_entries(|input, name| {
            let value = Value::read_json(input)?;
            match message.fields.insert(name.to_owned(), value) {
                None => Ok(()),
                Some(_) => Err(input.error("the name is given twice")),
            }
        })?;
        Ok(message)
    }
}

impl JsonMessage for ListValue {
    const IS_PLAIN_OBJECT: bool = false;

    fn write_json(&self, out: &mut JsonWriter) {
        out.array(|out| {
            for value in &self.values {
                out.element();
                value.write_json(out);
            }
        });
    }

    fn read_json(input: &mut JsonReader<'_>) -> Result<Self, JsonError> {
        let mut values = Vec::new();
        input.array(|input| {
            values.push(Value::read_json(input)?);
            Ok(())
        })?;
        Ok(ListValue { values })
    }
}

impl JsonMessage for Value {
    const NULL_IS_A_VALUE: bool = true;
    const IS_PLAIN_OBJECT: bool = false;

    fn write_json(&self, out: &mut JsonWriter) {
        match &self.kind {
            Some(Kind::NullValue(_)) => out.null(),
            Some(Kind::NumberValue(number)) if number.is_finite() => number.write_json(out),
            Some(Kind::StringValue(text)) => out.string(text),
            Some(Kind::BoolValue(truth)) => truth.write_json(out),
            Some(Kind::StructValue(fields)) => fields.write_json(out),
            Some(Kind::ListValue(values)) => values.write_json(out),
            Some(Kind::NumberValue(number)) => out.fail(JsonError::of_value(format!(
                "the number {number} in a value has no JSON form: use a finite one"
            ))),
            None => out.fail(JsonError::of_value("a value without a kind has no JSON form")),
        }
    }

    fn read_json(input: &mut JsonReader<'_>) -> Result<Self, JsonError> {
        let kind = match input.peek() {
            Some(b'{') => Kind::StructValue(Struct::read_json(input)?),
            Some(b'[') => Kind::ListValue(ListValue::read_json(input)?),
            Some(b'"') => Kind::StringValue(input.string()?.into_owned()),
            Some(b't' | b'f') => Kind::BoolValue(input.boolean()?),
            Some(b'n') if input.null() => Kind::NullValue(0),
            _ => Kind::NumberValue(f64::read_json(input)?),
        };
        Ok(Value { kind: Some(kind) })
    }
}
