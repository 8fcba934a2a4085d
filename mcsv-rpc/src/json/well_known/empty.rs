use crate::json::{JsonError, JsonMessage, JsonReader, JsonWriter};

/// `google.protobuf.Empty`.
impl JsonMessage for () {
    fn write_json(&self, out: &mut JsonWriter) {
        out.object(|_| {});
    }

    fn read_json(input: &mut JsonReader<'_>) -> Result<Self, JsonError> {
        input.object(|input, _| input.skip())
    }
}
