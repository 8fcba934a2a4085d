//! What a folder keeps of an object beside its bytes: extended attributes of the file.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::folder::{FolderFault, check_path, explained};
use crate::object_key::ObjectKey;
use crate::object_meta::{CHOSEN, CONTENT_TYPE, Facts, ObjectMeta, SHA256, hex};

/// The most bytes of attributes, which is what ext4 keeps in its one block of them beside the inode.
pub(crate) const MOST_ATTRIBUTES: usize = 4_000;

/// Refuses more metadata than common file systems keep: ext4 takes 16 bytes for each beside its name and
/// value, and says of one too many that the disk is full.
pub(crate) fn check_size(facts: &Facts) -> io::Result<()> {
    let size =
        |name: usize, value: usize| 16 + name.next_multiple_of(4) + value.next_multiple_of(4);
    let media_type = facts.content_type.as_ref().map(|text| size(CONTENT_TYPE.len(), text.len()));
    let chosen = facts.metadata.iter();
    let chosen: usize =
        chosen.map(|(name, value)| size(CHOSEN.len() + name.len(), value.len())).sum();
    let all = size(SHA256.len(), 64) + media_type.unwrap_or(0) + chosen;
    if all > MOST_ATTRIBUTES {
        return Err(FolderFault::Metadata(all).into());
    }
    Ok(())
}

/// Puts the facts on the file before it has its name. A file system without attributes costs the
/// facts, not the object.
#[cfg(unix)]
pub(crate) fn attach(path: &Path, facts: &Facts) -> io::Result<()> {
    let sha256 = facts.sha256.as_ref().map(|sha256| hex(sha256));
    let ours = [(SHA256, &sha256), (CONTENT_TYPE, &facts.content_type)];
    let ours = ours
        .into_iter()
        .filter_map(|(name, value)| value.as_ref().map(|value| (name.to_owned(), value)));
    let chosen = facts.metadata.iter().map(|(name, value)| (format!("{CHOSEN}{name}"), value));
    for (name, value) in ours.chain(chosen) {
        match xattr::set(path, format!("user.{name}"), value.as_bytes()) {
            Err(e) if e.kind() == io::ErrorKind::Unsupported => {
                tracing::debug!("the folder's file system keeps no attributes");
                return Ok(());
            }
            set => set?,
        }
    }
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn attach(_: &Path, _: &Facts) -> io::Result<()> {
    Ok(())
}

/// Opens an object's file and says what is known of it: of this file, whatever takes its name later.
///
/// # Errors
///
/// [`NotFound`](io::ErrorKind::NotFound) also for what is no file.
pub(crate) fn open(root: &Path, key: ObjectKey) -> io::Result<(ObjectMeta, File)> {
    check_path(root, key.as_str())?;
    let path = root.join(key.as_str());
    // To open a pipe would be to wait for its writer.
    let file = match std::fs::metadata(&path).map_err(|e| explained(e, root))?.is_file() {
        true => File::open(&path)?,
        false => return Err(io::ErrorKind::NotFound.into()),
    };
    Ok((describe(&file, key)?, file))
}

/// Says what is known of an object, also of a file that this process may not read: of that the
/// attributes stay unknown.
pub(crate) fn stat(root: &Path, key: ObjectKey) -> io::Result<ObjectMeta> {
    match open(root, key.clone()) {
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            let found = std::fs::metadata(root.join(key.as_str()))?;
            Ok(ObjectMeta::of_file(key, found.len(), found.modified().ok(), Vec::new()))
        }
        opened => opened.map(|(meta, _)| meta),
    }
}

/// What is known of an object by its open file.
pub(crate) fn describe(file: &File, key: ObjectKey) -> io::Result<ObjectMeta> {
    let found = file.metadata()?;
    let attributes = attributes(file)?;
    Ok(ObjectMeta::of_file(key, found.len(), found.modified().ok(), attributes))
}

#[cfg(unix)]
fn attributes(file: &File) -> io::Result<Vec<(String, String)>> {
    use xattr::FileExt;
    let names = match file.list_xattr() {
        Err(e) if e.kind() == io::ErrorKind::Unsupported => return Ok(Vec::new()),
        names => names?,
    };
    let mut attributes = Vec::new();
    for name in names {
        let Some(ours) = name.to_str().and_then(|name| name.strip_prefix("user.mcsv-")) else {
            continue;
        };
        let value = file.get_xattr(&name)?.and_then(|value| String::from_utf8(value).ok());
        attributes.extend(value.map(|value| (format!("mcsv-{ours}"), value)));
    }
    Ok(attributes)
}

#[cfg(not(unix))]
fn attributes(_: &File) -> io::Result<Vec<(String, String)>> {
    Ok(Vec::new())
}
