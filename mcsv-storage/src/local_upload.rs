use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::error::{Error, ErrorKind, Result, from_io};
use crate::file_facts::{attach, describe};
use crate::file_writer::FileWriter;
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
        let path = root.join(PARTIAL).join(name);
        let create = async || {
            let mut options = tokio::fs::File::options();
            options.write(true).create_new(true).open(&path).await
        };
        let opened = match create().await {
            // Somebody tidied the folder up.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                match tokio::fs::create_dir_all(root.join(PARTIAL)).await {
                    Ok(()) => create().await,
                    Err(e) => Err(e),
                }
            }
            opened => opened,
        };
        let writer = FileWriter::new(opened.map_err(|e| failed(key, e))?.into_std().await);
        let partial = Partial(path);
        Ok(LocalUpload { key: key.clone(), root: root.to_owned(), writer, partial })
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
                publish_file(&partial.0, &root, &root.join(key.as_str()), publish)?;
                Ok(meta)
            })();
            done.map_err(|e| failed(&key, e))
        });
        published.await.map_err(|e| {
            Error::new(ErrorKind::Internal, "the runtime is shutting down").with_source(e)
        })?
    }
}

fn publish_file(partial: &Path, root: &Path, target: &Path, publish: Publish) -> io::Result<()> {
    let parent = target.parent().unwrap_or(root);
    let is_new = !parent.exists();
    if is_new {
        fs::create_dir_all(parent)?;
    }
    match publish {
        Publish::Replace => fs::rename(partial, target)?,
        // A link fails where the name is taken, in one step. The caller removes the other name.
        Publish::CreateOnly => fs::hard_link(partial, target)?,
    }
    let folders = parent.ancestors().take_while(|folder| folder.starts_with(root));
    // A new folder's own entry lives in its parent.
    folders.take(if is_new { usize::MAX } else { 1 }).try_for_each(sync_folder)
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
