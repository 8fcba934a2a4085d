use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::error::{Error, ErrorKind, Result, from_io};
use crate::local_upload::PARTIAL;
use crate::observe::observe;
use crate::store::{Backend, Store};

impl Store {
    /// Removes what killed uploads left behind and nobody wrote to for `older_than`; answers how
    /// many there were.
    ///
    /// `older_than` must be longer than a living upload takes for the next mebibyte, which is what is
    /// written at once, or that upload is cut: an hour is safe with this crate's service. Several sweeps at once are harmless. Memory has no
    /// leftovers; a bucket needs a lifecycle rule that aborts incomplete uploads, and 0 is the
    /// answer for both.
    ///
    /// # Errors
    ///
    /// The folder failed. What was removed until then is gone.
    pub async fn sweep_partial(&self, older_than: Duration) -> Result<u64> {
        let Backend::Folder(root) = self.backend() else { return Ok(0) };
        let folder = root.join(PARTIAL);
        let work = async {
            let swept = tokio::task::spawn_blocking(move || sweep(&folder, older_than)).await;
            swept
                .map_err(|e| {
                    Error::new(ErrorKind::Internal, "the runtime is shutting down").with_source(e)
                })?
                .map_err(|e| from_io(e, "partial uploads"))
        };
        observe("storage.sweep", self.backend_label(), "", work).await
    }
}

fn sweep(folder: &Path, older_than: Duration) -> io::Result<u64> {
    let Some(before) = SystemTime::now().checked_sub(older_than) else { return Ok(0) };
    let mut removed = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let is_old = match entry.metadata() {
            Ok(meta) => meta.is_file() && meta.modified()? <= before,
            Err(e) if e.kind() == io::ErrorKind::NotFound => false,
            Err(e) => return Err(e),
        };
        if !is_old {
            continue;
        }
        match std::fs::remove_file(entry.path()) {
            Ok(()) => removed += 1,
            // Another sweep, or the upload itself, was faster.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    Ok(removed)
}
