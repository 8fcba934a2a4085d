//! The files of generated code, one for each package.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use prost_build::{Config, Module};
use prost_types::FileDescriptorSet;

/// Generates, and writes `{package}.rs` below `dir`, or `_.rs` where there is no package.
///
/// The name is the package's as the proto has it: prost-build's own would be `r#type.v1.rs`, which
/// nobody who includes `type.v1` comes to think of.
pub(crate) fn write(
    config: &mut Config,
    descriptors: FileDescriptorSet,
    dir: &Path,
) -> io::Result<()> {
    let requests: Vec<_> = descriptors
        .file
        .into_iter()
        .map(|file| (Module::from_protobuf_package_name(file.package()), file))
        .collect();
    // Two packages that differ by case alone are one module, and each includes all of it.
    let packages: BTreeMap<String, Module> =
        requests.iter().map(|(module, file)| (file.package().to_owned(), module.clone())).collect();
    let modules = config.generate(requests)?;
    for (package, module) in packages {
        let Some(code) = modules.get(&module) else { continue };
        let name = if package.is_empty() { "_" } else { &package };
        let path = dir.join(format!("{name}.rs"));
        // A file that stays as it was makes nobody compile again.
        if fs::read(&path).is_ok_and(|old| old == code.as_bytes()) {
            continue;
        }
        fs::write(path, code)?;
    }
    Ok(())
}
