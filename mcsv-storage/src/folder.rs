//! The folder of an `fs:` store, as it is found.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::{self, ErrorKind as IoKind};
use std::path::{Path, PathBuf};

use crate::error::ErrorKind;
use crate::object_key::ObjectKey;

/// What is wrong with a folder besides what the operating system says.
#[derive(Debug)]
pub(crate) enum FolderFault {
    /// A folder of a key is a symbolic link.
    Link(PathBuf),
    /// The store's folder was removed.
    Gone(PathBuf),
    /// A sweep removed the file of an upload that was under way.
    Swept,
    /// The metadata is more than a file's attributes hold.
    Metadata(usize),
}

impl FolderFault {
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            FolderFault::Link(_) => ErrorKind::Unsupported,
            FolderFault::Gone(_) | FolderFault::Swept => ErrorKind::Unavailable,
            FolderFault::Metadata(_) => ErrorKind::InvalidOption,
        }
    }

    /// The fault that an error is, if it is one.
    pub(crate) fn of(error: &io::Error) -> Option<&FolderFault> {
        error.get_ref().and_then(|cause| cause.downcast_ref())
    }
}

impl fmt::Display for FolderFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FolderFault::Link(at) => write!(
                f,
                "{} is a symbolic link to a folder, which a store follows nowhere: make it a folder",
                at.display()
            ),
            FolderFault::Gone(root) => {
                write!(f, "the store's folder {} is gone: make it again", root.display())
            }
            FolderFault::Swept => f.write_str(
                "a sweep removed the upload under way: send it again, and sweep only what is older \
                 than uploads pause",
            ),
            FolderFault::Metadata(bytes) => write!(
                f,
                "the metadata takes {bytes} bytes as attributes of a file, of which there are {}: \
                 give fewer or shorter",
                crate::file_facts::MOST_ATTRIBUTES
            ),
        }
    }
}

impl std::error::Error for FolderFault {}

impl From<FolderFault> for io::Error {
    fn from(fault: FolderFault) -> Self {
        io::Error::other(fault)
    }
}

/// Refuses a path under `root` that leads through a symbolic link to a folder, or to one: what is
/// there is not in the store's folder.
pub(crate) fn check_path(root: &Path, path: &str) -> io::Result<()> {
    let mut at = root.to_owned();
    for part in path.split('/') {
        at.push(part);
        match fs::symlink_metadata(&at) {
            Ok(found) if found.is_symlink() && at.is_dir() => {
                return Err(FolderFault::Link(at).into());
            }
            Ok(_) => {}
            // Whoever opens it says so.
            Err(_) => return Ok(()),
        }
    }
    Ok(())
}

/// Says of a missing file that the whole folder is missing, where that is so.
pub(crate) fn explained(error: io::Error, root: &Path) -> io::Error {
    match error.kind() {
        IoKind::NotFound if !root.exists() => FolderFault::Gone(root.to_owned()).into(),
        _ => error,
    }
}

/// Makes the folder `parent` and those between it and `root`, which is never made; whether one was
/// missing.
pub(crate) fn make_folders(root: &Path, parent: &Path) -> io::Result<bool> {
    if parent.is_dir() {
        return Ok(false);
    }
    let mut missing: Vec<&Path> =
        parent.ancestors().take_while(|folder| *folder != root && !folder.is_dir()).collect();
    while let Some(folder) = missing.pop() {
        match fs::create_dir(folder) {
            // Another upload was faster, or it is a file, which the next step finds.
            Err(e) if e.kind() == IoKind::AlreadyExists => {}
            made => made?,
        }
    }
    Ok(true)
}

/// Removes a folder in which there is no file, as deleted objects leave it.
///
/// # Errors
///
/// [`DirectoryNotEmpty`](IoKind::DirectoryNotEmpty), among others.
pub(crate) fn remove_empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            return Err(IoKind::DirectoryNotEmpty.into());
        }
        remove_empty(&entry.path())?;
    }
    fs::remove_dir(folder)
}

/// The smallest keys that start with `prefix` and come behind `after`, at most `most` of them.
///
/// Symbolic links to folders are passed over; those to files count as files.
pub(crate) fn keys(
    root: &Path,
    prefix: &str,
    after: Option<&str>,
    most: usize,
) -> io::Result<BTreeSet<ObjectKey>> {
    let start = prefix.rfind('/').map_or("", |slash| &prefix[..slash]);
    check_path(root, start)?;
    let mut smallest = BTreeSet::new();
    let mut folders = vec![start.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(root.join(&folder)) {
            Ok(entries) => entries,
            Err(e) if e.kind() == IoKind::NotADirectory => continue,
            Err(e) if e.kind() == IoKind::NotFound && root.exists() => continue,
            Err(e) => return Err(explained(e, root)),
        };
        for entry in entries {
            let entry = entry?;
            let slash = if folder.is_empty() { "" } else { "/" };
            let Some(path) = entry.file_name().to_str().map(|name| [&folder, slash, name].concat())
            else {
                continue;
            };
            // What has no key is not ours, and neither is what is in it.
            let Some(key) =
                path.starts_with(prefix).then(|| ObjectKey::parse(&path).ok()).flatten()
            else {
                continue;
            };
            match kind(&entry)? {
                Kind::File if after.is_none_or(|after| path.as_str() > after) => {
                    smallest.insert(key);
                    if smallest.len() > most {
                        smallest.pop_last();
                    }
                }
                Kind::Folder if may_hold(&path, after) => folders.push(path),
                _ => {}
            }
        }
    }
    Ok(smallest)
}

/// Whether a folder may hold a key behind `after`.
fn may_hold(folder: &str, after: Option<&str>) -> bool {
    let inside = format!("{folder}/");
    after.is_none_or(|after| inside.as_str() > after || after.starts_with(&inside))
}

enum Kind {
    File,
    Folder,
    Other,
}

fn kind(entry: &fs::DirEntry) -> io::Result<Kind> {
    let found = match entry.file_type() {
        Err(e) if e.kind() == IoKind::NotFound => return Ok(Kind::Other),
        found => found?,
    };
    Ok(match found {
        _ if found.is_dir() => Kind::Folder,
        _ if found.is_file() => Kind::File,
        _ if found.is_symlink() && entry.path().is_file() => Kind::File,
        _ => Kind::Other,
    })
}
