//! Messages that a proto itself calls the entries of a map. protoc refuses them, and prost-build takes
//! for granted that each has a key and a value.

use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};

use crate::Error;
use crate::field::is_map_entry;
use crate::place::Place;

/// Refuses the option `map_entry`, which stands for what `map<..>` makes.
pub(crate) fn refuse(descriptors: &FileDescriptorSet) -> Result<(), Error> {
    const MESSAGE: i32 = 4;
    for file in &descriptors.file {
        for (message, index) in file.message_type.iter().zip(0..) {
            refuse_below(file, message, &[MESSAGE, index])?;
        }
    }
    Ok(())
}

fn refuse_below(
    file: &FileDescriptorProto,
    message: &DescriptorProto,
    path: &[i32],
) -> Result<(), Error> {
    const NESTED_MESSAGE: i32 = 3;
    // That of a `map` is written nowhere.
    if is_map_entry(message)
        && let Some(place) = Place::written(file, path)
    {
        let name = message.name();
        let text = format!("message `{name}` sets `map_entry`: write the field as a `map<..>`");
        return Err(Error::at(place, text));
    }
    for (nested, index) in message.nested_type.iter().zip(0..) {
        refuse_below(file, nested, &[path, &[NESTED_MESSAGE, index]].concat())?;
    }
    Ok(())
}
