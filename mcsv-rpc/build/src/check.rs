//! Whether generated code that is checked in is that of its protos.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, io};

use crate::{Builder, Error};

/// Set by whoever wants the files written instead of compared.
const UPDATE: &str = "UPDATE_GENERATED";

pub(crate) fn check(
    builder: &Builder,
    dir: &Path,
    protos: &[impl AsRef<Path>],
    includes: &[impl AsRef<Path>],
) -> Result<(), Error> {
    let fresh = Scratch::new().map_err(Error::write)?;
    builder.clone().with_out_dir(&fresh.0).compile(protos, includes)?;
    if std::env::var_os(UPDATE).is_some() {
        return update(&fresh.0, dir).map_err(Error::write);
    }
    match stale(&fresh.0, dir).map_err(Error::write)? {
        files if files.is_empty() => Ok(()),
        files => Err(Error::stale(files)),
    }
}

fn update(fresh: &Path, dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    for entry in fs::read_dir(fresh)? {
        let entry = entry?;
        fs::copy(entry.path(), dir.join(entry.file_name()))?;
    }
    Ok(())
}

fn stale(fresh: &Path, dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(fresh)? {
        let entry = entry?;
        let kept = dir.join(entry.file_name());
        match fs::read_to_string(&kept) {
            // A checkout may have changed the ends of lines.
            Ok(text) if text.replace("\r\n", "\n") == fs::read_to_string(entry.path())? => {}
            Ok(_) => files.push(kept),
            Err(error) if error.kind() == io::ErrorKind::NotFound => files.push(kept),
            Err(error) => return Err(error),
        }
    }
    files.sort();
    Ok(files)
}

/// A folder of its own that is removed with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> io::Result<Self> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let name = format!("mcsv-rpc-build-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Scratch(path)),
                // Left by a process that had this number before.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What can't be removed is the temporary folder's to clean up.
        let _ = fs::remove_dir_all(&self.0);
    }
}
