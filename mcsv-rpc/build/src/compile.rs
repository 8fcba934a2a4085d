use std::path::{Path, PathBuf};

use prost_types::FileDescriptorSet;
use protox::Compiler;
use protox::file::{ChainFileResolver, GoogleFileResolver};

use crate::check::check;
use crate::externs::Externs;
use crate::generate::Generator;
use crate::place::Place;
use crate::source::Include;
use crate::{Error, aliases, map_debug, map_entries, rust_names, rustdoc, write};

/// Compiles `protos`, found under `includes`, into Rust code in `OUT_DIR`: call it from `build.rs`.
///
/// `mcsv_rpc::include_proto!("package.name")` includes the result. Imports are found under
/// `includes` too, and Google's well-known types always. Cargo runs the build script again when one
/// of the files changes.
///
/// # Errors
///
/// A file that is not there or does not compile, two names that are one in Rust, a streaming method,
/// a folder that can't be written to. The text names file, line and column.
///
/// ```no_run
/// fn main() -> Result<(), mcsv_rpc_build::Error> {
///     mcsv_rpc_build::compile(&["hello/v1/hello.proto"], &["proto"])
/// }
/// ```
pub fn compile(protos: &[impl AsRef<Path>], includes: &[impl AsRef<Path>]) -> Result<(), Error> {
    Builder::new().compile(protos, includes)
}

/// [`compile`] with options.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # let proto = dir.path().join("hello.proto");
/// # std::fs::write(&proto, "syntax = \"proto3\"; package hello.v1; message Hello {}")?;
/// # let out = dir.path();
/// # let include = dir.path();
/// mcsv_rpc_build::Builder::new().with_out_dir(out).compile(&[proto], &[include])?;
/// assert!(out.join("hello.v1.rs").exists());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Builder {
    out_dir: Option<PathBuf>,
    streaming: Streaming,
    externs: Externs,
}

#[derive(Clone, Copy, Debug, Default)]
enum Streaming {
    #[default]
    Refuse,
    Skip,
}

impl Builder {
    /// The defaults of [`compile`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes the code to `dir` instead of `OUT_DIR`, to be checked in.
    #[must_use]
    pub fn with_out_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.out_dir = Some(dir.into());
        self
    }

    /// Leaves streaming methods out of traits and clients instead of refusing their proto. Who calls
    /// one is answered as for a method that does not exist: in gRPC and Connect `unimplemented`.
    #[must_use]
    pub fn skip_streaming(mut self) -> Self {
        self.streaming = Streaming::Skip;
        self
    }

    /// Uses the types below `rust_path` for all that is in the package `package`, instead of making
    /// them again: those of a crate that compiled the package with this one. A single message or enum
    /// may be named too, `package.Message`.
    ///
    /// The proto is still needed for its descriptions. Services of the package are left out, and an
    /// import of it makes no code.
    ///
    /// ```no_run
    /// fn main() -> Result<(), mcsv_rpc_build::Error> {
    ///     mcsv_rpc_build::Builder::new()
    ///         .with_extern_path("money.v1", "::money::v1")
    ///         .compile(&["shop/v1/shop.proto"], &["proto"])
    /// }
    /// ```
    #[must_use]
    pub fn with_extern_path(mut self, package: &str, rust_path: &str) -> Self {
        self.externs.insert(package, rust_path);
        self
    }

    /// Compares what [`compile`](Self::compile) would write with the files in `dir`, which are
    /// checked in: call it from a test. With `UPDATE_GENERATED` in the environment it writes them.
    ///
    /// Files in `dir` that these protos do not make are left alone.
    ///
    /// # Errors
    ///
    /// Files that are missing or differ ([`Error::is_stale`]), all of them named; and like
    /// [`compile`].
    ///
    /// ```no_run
    /// #[test]
    /// fn the_generated_code_is_fresh() -> Result<(), mcsv_rpc_build::Error> {
    ///     mcsv_rpc_build::Builder::new().check("src/generated", &["hello.proto"], &["proto"])
    /// }
    /// ```
    pub fn check(
        &self,
        dir: impl AsRef<Path>,
        protos: &[impl AsRef<Path>],
        includes: &[impl AsRef<Path>],
    ) -> Result<(), Error> {
        check(self, dir.as_ref(), protos, includes)
    }

    /// Compiles; see [`compile`].
    ///
    /// # Errors
    ///
    /// Like [`compile`].
    pub fn compile(
        &self,
        protos: &[impl AsRef<Path>],
        includes: &[impl AsRef<Path>],
    ) -> Result<(), Error> {
        let out_dir = match &self.out_dir {
            Some(dir) => dir.clone(),
            None => std::env::var_os("OUT_DIR").ok_or_else(Error::no_out_dir)?.into(),
        };
        let mut descriptors = parse(protos, includes)?;
        if matches!(self.streaming, Streaming::Refuse) {
            refuse_streaming(&descriptors, &self.externs)?;
        }
        map_entries::refuse(&descriptors)?;
        rust_names::check(&descriptors, &self.externs)?;
        let mut config = prost_config(&descriptors, &self.externs);
        map_debug::derive(&mut config, &descriptors);
        aliases::settle(&mut descriptors);
        // Last: an OpenAPI document has the comments as they are.
        rustdoc::settle(&mut descriptors);
        write::write(&mut config, descriptors, &out_dir).map_err(Error::write)
    }
}

fn parse(
    protos: &[impl AsRef<Path>],
    includes: &[impl AsRef<Path>],
) -> Result<FileDescriptorSet, Error> {
    let includes = || includes.iter().map(AsRef::as_ref);
    let mut resolver = ChainFileResolver::new();
    includes().for_each(|folder| resolver.add(Include::new(folder)));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).include_source_info(true);
    let opened = protos.iter().try_for_each(|proto| compiler.open_file(proto).map(drop));
    // Also after an error: the files that were read are those that have to change.
    for file in compiler.files() {
        let mut paths = includes().map(|folder| folder.join(file.name()));
        if let Some(path) = paths.find(|path| path.is_file()) {
            println!("cargo:rerun-if-changed={}", path.display());
        }
    }
    opened.map_err(Error::proto)?;
    Ok(compiler.file_descriptor_set())
}

/// A method whose promise would silently be broken must not compile.
fn refuse_streaming(descriptors: &FileDescriptorSet, externs: &Externs) -> Result<(), Error> {
    // Field numbers in FileDescriptorProto and ServiceDescriptorProto.
    const SERVICE: i32 = 6;
    const METHOD: i32 = 2;
    for file in &descriptors.file {
        for (s, service) in file.service.iter().enumerate() {
            if externs.has(&format!(".{}.{}", file.package(), service.name())) {
                continue;
            }
            for (m, method) in service.method.iter().enumerate() {
                if method.client_streaming() || method.server_streaming() {
                    let name = format!("{}.{}", service.name(), method.name());
                    let path = [SERVICE, s as i32, METHOD, m as i32];
                    return Err(Error::streaming(Place::of_name(file, &path), name));
                }
            }
        }
    }
    Ok(())
}

fn prost_config(descriptors: &FileDescriptorSet, externs: &Externs) -> prost_build::Config {
    let mut config = prost_build::Config::new();
    config
        .prost_path("::mcsv_rpc::codegen::prost")
        .prost_types_path("::mcsv_rpc::codegen::prost_types")
        // Bytes that share the request's buffer, and maps that need no hashing.
        .bytes(["."])
        .btree_map(["."])
        .type_attribute(
            ".",
            "#[allow(dead_code, unreachable_pub, missing_docs)]\n\
             #[allow(rustdoc::all, clippy::all, clippy::pedantic)]",
        )
        .service_generator(Box::new(Generator::new(descriptors, externs)));
    for (proto_path, rust_path) in externs.iter() {
        config.extern_path(proto_path, rust_path);
    }
    config
}
