use std::marker::PhantomData;

use super::{JsonEnum, JsonError, JsonMessage, JsonReader, JsonWriter};

/// How a field's Rust type is written: an `i32` may be a number or an enum.
#[doc(hidden)]
pub trait Format<T> {
    /// Whether `null` is a value.
    const NULL: bool;

    /// Writes a value.
    fn write(value: &T, out: &mut JsonWriter);

    /// Reads a value; `None` is an enum's name that is unknown here and is passed over.
    fn read(input: &mut JsonReader<'_>) -> Result<Option<T>, JsonError>;
}

/// The format that the type says.
#[doc(hidden)]
#[derive(Debug)]
pub struct Plain;

impl<T: JsonMessage> Format<T> for Plain {
    const NULL: bool = T::NULL_IS_A_VALUE;

    fn write(value: &T, out: &mut JsonWriter) {
        value.write_json(out);
    }

    fn read(input: &mut JsonReader<'_>) -> Result<Option<T>, JsonError> {
        T::read_json(input).map(Some)
    }
}

/// The format of an enum's number.
#[doc(hidden)]
#[derive(Debug)]
pub struct Enum<E>(PhantomData<E>);

impl<E: JsonEnum> Format<i32> for Enum<E> {
    const NULL: bool = E::IS_NULL;

    fn write(value: &i32, out: &mut JsonWriter) {
        match E::json_name(*value) {
            _ if E::IS_NULL => out.null(),
            Some(name) => out.string(name),
            None => out.literal(format_args!("{value}")),
        }
    }

    fn read(input: &mut JsonReader<'_>) -> Result<Option<i32>, JsonError> {
        if E::IS_NULL && input.null() {
            return Ok(Some(0));
        }
        if input.peek() == Some(b'"') {
            return Ok(E::json_number(&input.string()?));
        }
        i32::read_json(input).map(Some)
    }
}

/// A type that may be the key of a map; its JSON form is always a string.
#[doc(hidden)]
pub trait MapKey: Ord + Sized {
    /// Writes the key, its colon too.
    fn write_key(&self, out: &mut JsonWriter);

    /// Reads a key.
    fn read_key(name: &str) -> Option<Self>;
}

impl MapKey for String {
    fn write_key(&self, out: &mut JsonWriter) {
        out.key(self);
    }

    fn read_key(name: &str) -> Option<Self> {
        Some(name.to_owned())
    }
}

impl MapKey for bool {
    fn write_key(&self, out: &mut JsonWriter) {
        out.key(if *self { "true" } else { "false" });
    }

    fn read_key(name: &str) -> Option<Self> {
        name.parse().ok()
    }
}

macro_rules! integer_keys {
    ($($type:ty)*) => {$(
        impl MapKey for $type {
            fn write_key(&self, out: &mut JsonWriter) {
                out.key(&self.to_string());
            }

            fn read_key(name: &str) -> Option<Self> {
                super::number::integer(name)?.try_into().ok()
            }
        }
    )*};
}

integer_keys!(i32 i64 u32 u64);
