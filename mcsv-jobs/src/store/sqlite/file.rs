use std::fs::{self, Metadata};
use std::io::ErrorKind::NotFound;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, ErrorKind};

/// The database's file, and which one it was when it was opened.
///
/// A file that is deleted, or that another one takes the place of, lives on for those who have it open:
/// what they write is answered, and gone with them.
pub(super) struct DatabaseFile {
    path: PathBuf,
    opened: Option<Identity>,
    is_lost: AtomicBool,
}

/// What no other file has at the same time.
#[cfg(unix)]
pub(super) type Identity = (u64, u64);

/// What another file hardly has.
#[cfg(not(unix))]
pub(super) type Identity = Option<std::time::SystemTime>;

impl DatabaseFile {
    /// The file at `path`, which is open.
    pub(super) fn new(path: &Path) -> Self {
        let opened = fs::metadata(path).ok().map(|file| identity(&file));
        DatabaseFile { path: path.to_owned(), opened, is_lost: AtomicBool::new(false) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// That who comes next finds what is written now. A look at the folder, of a microsecond or so.
    pub(super) fn check(&self) -> Result<(), Error> {
        let is_lost = match (self.opened, fs::metadata(&self.path)) {
            (Some(opened), Ok(now)) => opened != identity(&now),
            (_, Err(error)) => error.kind() == NotFound,
            // It can't be told.
            _ => false,
        };
        let was_lost = self.is_lost.swap(is_lost, Ordering::Relaxed);
        if !is_lost {
            return Ok(());
        }
        let path = self.path.display();
        if !was_lost {
            tracing::error!(file = %path, "the job database's file was deleted or replaced");
        }
        let context = format!(
            "the job database's file {path} was deleted or replaced: put it back, or connect again"
        );
        Err(Error::new(ErrorKind::Closed, context))
    }
}

#[cfg(unix)]
pub(super) fn identity(file: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt as _;

    (file.dev(), file.ino())
}

#[cfg(not(unix))]
pub(super) fn identity(file: &Metadata) -> Identity {
    file.created().ok()
}
