//! Names for a service's items where the proto's own would be taken.

use prost_build::Service;
use prost_types::FileDescriptorProto;

use crate::names;

/// Gives `service` a name that no message of its package has, and each method one of its own.
///
/// A service `Job` beside a message `JobServer` becomes `JobService`; of two methods that have one name in
/// Rust, `GetUser` and `get_user`, the later gets an underscore.
pub(crate) fn settle(service: &mut Service, files: &[FileDescriptorProto]) {
    let of_package = files.iter().filter(|file| file.package() == service.package);
    let messages = of_package.clone().flat_map(|file| file.message_type.iter().map(|m| m.name()));
    let enums = of_package.clone().flat_map(|file| file.enum_type.iter().map(|e| e.name()));
    let services = of_package.flat_map(|file| file.service.iter().map(|s| s.name()));
    let others = services.filter(|name| *name != service.proto_name);
    let mut taken: Vec<String> = messages.chain(enums).map(names::camel).collect();
    for other in others.map(names::camel) {
        taken.extend(["", "Server", "Client"].map(|end| format!("{other}{end}")));
    }
    let is_taken = |name: &str| {
        ["", "Server", "Client"].iter().any(|end| taken.contains(&format!("{name}{end}")))
    };
    // With a raw prefix or an underscore it could not be the start of `...Server`.
    let mut name = service.name.trim_start_matches("r#").trim_end_matches('_').to_owned();
    // The server's type parameter is a `T`.
    if is_taken(&name) || name == "Self" || name == "T" {
        name.push_str("Service");
    }
    while is_taken(&name) {
        name.push('_');
    }
    service.name = name;

    let mut seen: Vec<String> = Vec::new();
    for method in &mut service.methods {
        while seen.contains(&method.name) {
            method.name.push('_');
        }
        seen.push(method.name.clone());
    }
}
