use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Result, from_io};
use crate::file_facts::{attach, describe};
use crate::file_writer::FileWriter;
use crate::folder::{FolderFault, check_path, explained, make_folders, remove_empty};
use crate::object_key::{ObjectKey, random_bytes};
use crate::object_meta::{Facts, ObjectMeta, hex};
use crate::upload::Publish;

/// Where a folder keeps what is not an object yet. No key starts with a dot.
pub(crate) const PARTIAL: &str = ".partial";

/// A file on its way into a folder: written aside, synced, then linked or renamed to its name.
///
/// opendal's own writer looks for an existing object before it writes and not when it publishes,
/// and attaches metadata after the rename; a crash or a race between the two would show.
pub(crate) struct LocalUpload {
    key: ObjectKey,
    root: PathBuf,
    writer: FileWriter,
    partial: Partial,
}

impl LocalUpload {
    pub(crate) async fn begin(root: &Path, key: &ObjectKey) -> Result<Self> {
        let name = hex(&random_bytes::<16>()?);
        let (root, wanted) = (root.to_owned(), key.clone());
        let opening = tokio::task::spawn_blocking(move || {
            check_path(&root, wanted.as_str())?;
            let path = root.join(PARTIAL).join(name);
            let file = create(&root, &path)?;
            Ok((root, file, Partial(path)))
        });
        let opened = opening.await.map_err(io::Error::other).and_then(|opened| opened);
        let (root, file, partial) = opened.map_err(|e| failed(key, e))?;
        Ok(LocalUpload { key: key.clone(), root, writer: FileWriter::new(file), partial })
    }

    pub(crate) async fn write(&mut self, piece: Bytes) -> Result<()> {
        self.writer.write(piece).await.map_err(|e| failed(&self.key, e))
    }

    pub(crate) async fn finish(self, facts: Facts, publish: Publish) -> Result<ObjectMeta> {
        let rest = self.writer.settle().await.map_err(|e| failed(&self.key, e))?;
        let (root, key, partial) = (self.root, self.key, self.partial);
        // One blocking step, so that a dropped caller can't stop between the sync and the rename.
        let published = tokio::task::spawn_blocking(move || {
            let done = (|| {
                attach(&partial.0, &facts)?;
                // Once it has its name, another writer may replace it.
                let meta = describe(&*rest.sync()?, key.clone())?;
                check_path(&root, key.as_str())?;
                publish_file(&partial.0, &root, &root.join(key.as_str()), publish)?;
                Ok(meta)
            })();
            done.map_err(|e| failed(&key, swept(explained(e, &root), &partial.0)))
        });
        published.await.map_err(|e| {
            Error::new(ErrorKind::Internal, "the runtime is shutting down").with_source(e)
        })?
    }
}

/// Makes a new file, and the folder of such if somebody tidied it up; but never the store's own, which
/// may be a disk that is not mounted.
fn create(root: &Path, path: &Path) -> io::Result<fs::File> {
    let create = || fs::File::options().write(true).create_new(true).open(path);
    match create() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => match fs::create_dir(root.join(PARTIAL)) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(explained(e, root)),
            _ => create(),
        },
        created => created,
    }
}

/// Says of a missing file that it is the upload's own, where that is so.
fn swept(error: io::Error, partial: &Path) -> io::Error {
    match error.kind() {
        io::ErrorKind::NotFound if !partial.exists() => FolderFault::Swept.into(),
        _ => error,
    }
}

fn publish_file(partial: &Path, root: &Path, target: &Path, publish: Publish) -> io::Result<()> {
    // Each other upload that removes an empty folder in which this one was to be costs a turn.
    const TURNS: usize = 16;
    let parent = target.parent().unwrap_or(root);
    let (mut is_new, mut turn) = (false, 0);
    loop {
        turn += 1;
        let named = (|| {
            is_new |= make_folders(root, parent)?;
            match publish {
                Publish::Replace => fs::rename(partial, target),
                // A link fails where the name is taken, in one step. The caller removes the other
                // name.
                Publish::CreateOnly => fs::hard_link(partial, target),
            }
        })();
        match named {
            Ok(()) => break,
            Err(e) if turn == TURNS || !makes_way(&e, partial, target)? => return Err(e),
            Err(_) => {}
        }
    }
    let folders = parent.ancestors().take_while(|folder| folder.starts_with(root));
    // A new folder's own entry lives in its parent.
    folders.take(if is_new { usize::MAX } else { 1 }).try_for_each(sync_folder)
}

/// Whether an upload that could not be published may try again, after what stood in its way was
/// removed: a folder that only deleted objects were in.
fn makes_way(error: &io::Error, partial: &Path, target: &Path) -> io::Result<bool> {
    if error.kind() == io::ErrorKind::NotFound {
        return Ok(partial.exists());
    }
    if !fs::symlink_metadata(target).is_ok_and(|found| found.is_dir()) {
        return Ok(false);
    }
    match remove_empty(target) {
        Err(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty => {
            Err(io::ErrorKind::IsADirectory.into())
        }
        // Somebody else was faster.
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(true),
        removed => removed.map(|()| true),
    }
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

fn failed(key: &ObjectKey, error: io::Error) -> Error {
    from_io(error, &format!("object {key}"))
}

/// A file that goes with its upload; after a rename there is nothing left to remove.
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a partial upload was not removed: the sweep will");
        }
    }
}
