use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::error::{Error, ErrorKind, Result, from_io};
use crate::local_upload::PARTIAL;
use crate::observe::observe;
use crate::store::{Backend, Store};

impl Store {
    /// Removes what killed uploads left behind for `older_than`; answers how many there were.
    ///
    /// In a folder these are files to which nobody wrote for so long. It must be longer than a living
    /// upload takes for the next mebibyte, which is what is written at once, or that upload is cut: an
    /// hour is safe with this crate's service.
    ///
    /// In a bucket of an `s3:` store these are uploads in parts, of objects above 8 MiB, that began so
    /// long ago. Without a prefix in the store's URL these may be another program's, too: all uploads
    /// of the bucket whose names are keys. It must be longer than the longest upload takes as a whole:
    /// a day is safe. It needs the rights `s3:ListBucketMultipartUploads` and
    /// `s3:AbortMultipartUpload`. In directory buckets of S3 and on services that list no uploads,
    /// nothing is removed and the answer is 0: there, as on opendal's other services, a lifecycle rule
    /// of the bucket has to abort them.
    ///
    /// Memory has no leftovers. Several sweeps at once are harmless.
    ///
    /// # Errors
    ///
    /// The folder or the bucket failed. What was removed until then is gone.
    pub async fn sweep_partial(&self, older_than: Duration) -> Result<u64> {
        match self.backend() {
            Backend::Memory => Ok(0),
            Backend::Folder(root) => {
                let folder = root.join(PARTIAL);
                let swept = async {
                    let swept = tokio::task::spawn_blocking(move || sweep(&folder, older_than));
                    let ended = swept.await.map_err(|e| {
                        let message = "the runtime is shutting down";
                        Error::new(ErrorKind::Internal, message).with_source(e)
                    });
                    ended?.map_err(|e| from_io(e, "partial uploads"))
                };
                observe("storage.sweep", self.backend_label(), "", swept).await
            }
            Backend::Service => self.sweep_service(older_than).await,
        }
    }

    #[cfg(feature = "s3")]
    async fn sweep_service(&self, older_than: Duration) -> Result<u64> {
        let Some(bucket) = self.bucket() else { return Ok(0) };
        let swept = crate::s3_sweep::sweep_uploads(self.operator(), bucket, older_than);
        observe("storage.sweep", self.backend_label(), "", swept).await
    }

    #[cfg(not(feature = "s3"))]
    async fn sweep_service(&self, _: Duration) -> Result<u64> {
        Ok(0)
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
