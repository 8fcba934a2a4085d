//! Fields that are one in JSON. The parser refuses them too, but does not always say which they are.

use std::collections::HashMap;

use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};

use crate::Error;
use crate::place::Item;

/// Refuses a field whose JSON name is that of another one in its message.
pub(crate) fn check(file: &FileDescriptorProto) -> Result<(), Error> {
    // Field numbers in FileDescriptorProto and DescriptorProto.
    const MESSAGE: i32 = 4;
    const NESTED_MESSAGE: i32 = 3;
    let messages = file.message_type.iter().zip(0..);
    let mut left: Vec<(&DescriptorProto, Vec<i32>)> =
        messages.map(|(message, index)| (message, vec![MESSAGE, index])).collect();
    while let Some((message, path)) = left.pop() {
        check_message(file, message, &path)?;
        for (nested, index) in message.nested_type.iter().zip(0..) {
            left.push((nested, [&*path, &[NESTED_MESSAGE, index]].concat()));
        }
    }
    Ok(())
}

fn check_message(
    file: &FileDescriptorProto,
    message: &DescriptorProto,
    path: &[i32],
) -> Result<(), Error> {
    const FIELD: i32 = 2;
    let mut taken: HashMap<String, Item<'_>> = HashMap::new();
    for (field, index) in message.field.iter().zip(0..) {
        let path = [path, &[FIELD, index]].concat();
        let item = Item { kind: "field", name: field.name(), file, path };
        let json_name = json_name(field);
        match taken.insert(json_name.clone(), item.clone()) {
            // Of a field that is there twice the parser says so.
            Some(other) if other.name != item.name => {
                let outcome = format!(
                    "are both `{json_name}` in JSON: rename one of them, or give it a `json_name`"
                );
                return Err(Item::clash(&other, &item, &outcome));
            }
            _ => {}
        }
    }
    Ok(())
}

/// That of the proto, or the one that the specification makes of the field's.
fn json_name(field: &FieldDescriptorProto) -> String {
    if let Some(name) = &field.json_name {
        return name.clone();
    }
    let mut name = String::new();
    let mut after_underscore = false;
    for c in field.name().chars() {
        match c {
            '_' => after_underscore = true,
            c if after_underscore => {
                name.push(c.to_ascii_uppercase());
                after_underscore = false;
            }
            c => name.push(c),
        }
    }
    name
}
