//! `Debug` for messages that hold maps.
//!
//! prost's own derive writes `::prost` for a `BTreeMap`, whatever path it was given, and a crate that
//! depends on mcsv-rpc alone has no `::prost`. Such messages get the standard derive.

use prost_build::Config;
use prost_types::{DescriptorProto, FileDescriptorProto, FileDescriptorSet};

use crate::field::is_map_entry;

pub(crate) fn derive(config: &mut Config, descriptors: &FileDescriptorSet) {
    // A path covers everything below it too: nested messages, enums and oneofs.
    let paths: Vec<String> = descriptors.file.iter().flat_map(messages_with_map).collect();
    config.skip_debug(&paths);
    for path in &paths {
        config.type_attribute(path, "#[derive(Debug)]");
    }
}

fn messages_with_map(file: &FileDescriptorProto) -> impl Iterator<Item = String> {
    let package = match file.package() {
        "" => String::new(),
        package => format!(".{package}"),
    };
    let messages = file.message_type.iter().filter(|message| holds_map(message));
    messages.map(move |message| format!("{package}.{}", message.name()))
}

fn holds_map(message: &DescriptorProto) -> bool {
    is_map_entry(message) || message.nested_type.iter().any(holds_map)
}
