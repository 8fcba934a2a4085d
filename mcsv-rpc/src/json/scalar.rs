//! Scalars, which are also the well-known wrappers: an `Int32Value` is an `i32` in Rust.

use base64::display::Base64Display;
use base64::prelude::BASE64_STANDARD as STANDARD;
use bytes::Bytes;

use super::{JsonError, JsonMessage, JsonReader, JsonWriter, number};
use crate::base64_any;

macro_rules! integers {
    ($($type:ty, $write:ident, $expected:literal;)*) => {$(
        impl JsonMessage for $type {
            const IS_PLAIN_OBJECT: bool = false;

            fn write_json(&self, out: &mut JsonWriter) {
                out.$write(format_args!("{self}"));
            }

            fn read_json(input: &mut JsonReader<'_>) -> Result<Self, JsonError> {
                let text = input.number_or_string()?;
                let number = number::integer(&text).and_then(|number| number.try_into().ok());
                number.ok_or_else(|| input.error($expected))
            }
        }
    )*};
}

integers! {
    i32, literal, "expected a whole number of 32 bits";
    u32, literal, "expected a whole number of 32 bits without a sign";
    // JavaScript's numbers have 53 bits, so these are strings.
    i64, quoted, "expected a whole number of 64 bits";
    u64, quoted, "expected a whole number of 64 bits without a sign";
}

macro_rules! floats {
    ($($type:ty)*) => {$(
        impl JsonMessage for $type {
            const IS_PLAIN_OBJECT: bool = false;

            fn write_json(&self, out: &mut JsonWriter) {
                match *self {
                    number if number.is_nan() => out.string("NaN"),
                    <$type>::INFINITY => out.string("Infinity"),
                    <$type>::NEG_INFINITY => out.string("-Infinity"),
                    // A whole number shows no point, as in JavaScript; `Display` would write 300
                    // digits of a large one.
                    number if number.trunc() == number && number.abs() < 1e15 => {
                        out.literal(format_args!("{number}"));
                    }
                    number => out.literal(format_args!("{number:?}")),
                }
            }

            fn read_json(input: &mut JsonReader<'_>) -> Result<Self, JsonError> {
                let text = input.number_or_string()?;
                match &*text {
                    "NaN" => return Ok(<$type>::NAN),
                    "Infinity" => return Ok(<$type>::INFINITY),
                    "-Infinity" => return Ok(<$type>::NEG_INFINITY),
                    _ => {}
                }
                let is_number = !text.is_empty() && number::length(text.as_bytes()) == text.len();
                let number = text.parse::<$type>().ok().filter(|number| number.is_finite());
                number.filter(|_| is_number).ok_or_else(|| input.error("expected a number in range"))
            }
        }
    )*};
}

floats!(f32 f64);

impl JsonMessage for bool {
    const IS_PLAIN_OBJECT: bool = false;

    fn write_json(&self, out: &mut JsonWriter) {
        out.literal(format_args!("{self}"));
    }

    fn read_json(input: &mut JsonReader<'_>) -> Result<Self, JsonError> {
        input.boolean()
    }
}

impl JsonMessage for String {
    const IS_PLAIN_OBJECT: bool = false;

    fn write_json(&self, out: &mut JsonWriter) {
        out.string(self);
    }

    fn read_json(input: &mut JsonReader<'_>) -> Result<Self, JsonError> {
        input.string().map(Into::into)
    }
}

impl JsonMessage for Vec<u8> {
    const IS_PLAIN_OBJECT: bool = false;

    fn write_json(&self, out: &mut JsonWriter) {
        write_base64(self, out);
    }

    fn read_json(input: &mut JsonReader<'_>) -> Result<Self, JsonError> {
        read_base64(input)
    }
}

impl JsonMessage for Bytes {
    const IS_PLAIN_OBJECT: bool = false;

    fn write_json(&self, out: &mut JsonWriter) {
        write_base64(self, out);
    }

    fn read_json(input: &mut JsonReader<'_>) -> Result<Self, JsonError> {
        read_base64(input).map(Into::into)
    }
}

fn write_base64(bytes: &[u8], out: &mut JsonWriter) {
    out.quoted(format_args!("{}", Base64Display::new(bytes, &STANDARD)));
}

fn read_base64(input: &mut JsonReader<'_>) -> Result<Vec<u8>, JsonError> {
    let text = input.string()?;
    base64_any::decode(text.as_bytes()).ok_or_else(|| input.error("expected base64"))
}
