use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinHandle;

/// How much is gathered before a blocking thread is woken for it.
const BATCH: usize = 1024 * 1024;

/// How many pieces are: of small ones, what the kernel takes at once without a loop.
const PIECES: usize = 64;

/// How much is written before the disk is told to begin. The sync at the end then has little left
/// to wait for.
const SYNC_AFTER: usize = 32 * 1024 * 1024;

/// Writes a file behind its caller's back: while one batch goes to the kernel, and an earlier one to
/// the disk, the next is received and hashed.
///
/// No more than two batches are in memory.
pub(crate) struct FileWriter {
    file: Arc<File>,
    gathered: Vec<Bytes>,
    len: usize,
    unsynced: usize,
    writing: Job,
    syncing: Job,
}

type Job = Option<JoinHandle<io::Result<()>>>;

impl FileWriter {
    pub(crate) fn new(file: File) -> Self {
        FileWriter {
            file: Arc::new(file),
            gathered: Vec::new(),
            len: 0,
            unsynced: 0,
            writing: None,
            syncing: None,
        }
    }

    /// Takes a piece. A failure may be that of an earlier one.
    pub(crate) async fn write(&mut self, piece: Bytes) -> io::Result<()> {
        self.len += piece.len();
        self.gathered.push(piece);
        if self.len < BATCH && self.gathered.len() < PIECES {
            return Ok(());
        }
        ended(&mut self.writing).await?;
        self.unsynced += std::mem::take(&mut self.len);
        let (file, batch) = (Arc::clone(&self.file), std::mem::take(&mut self.gathered));
        self.writing = Some(tokio::task::spawn_blocking(move || write_all(&file, &batch)));
        self.sync_early().await
    }

    /// Lets the disk begin, unless it is still at work.
    async fn sync_early(&mut self) -> io::Result<()> {
        let is_busy = self.syncing.as_ref().is_some_and(|job| !job.is_finished());
        if self.unsynced < SYNC_AFTER || is_busy {
            return Ok(());
        }
        ended(&mut self.syncing).await?;
        self.unsynced = 0;
        let file = Arc::clone(&self.file);
        self.syncing = Some(tokio::task::spawn_blocking(move || file.sync_data()));
        Ok(())
    }

    /// Waits for what is under way; what is left to do blocks, so it is the caller's to place.
    pub(crate) async fn settle(mut self) -> io::Result<Rest> {
        // The kernel tells a failed sync once: both results count.
        let (written, synced) = (ended(&mut self.writing).await, ended(&mut self.syncing).await);
        written.and(synced)?;
        Ok(Rest { file: self.file, gathered: self.gathered })
    }
}

async fn ended(job: &mut Job) -> io::Result<()> {
    match job.take() {
        Some(job) => job.await.map_err(io::Error::other)?,
        None => Ok(()),
    }
}

/// What a [`FileWriter`] had not written when it settled.
pub(crate) struct Rest {
    file: Arc<File>,
    gathered: Vec<Bytes>,
}

impl Rest {
    /// Writes it and waits until all of the file is on the disk.
    pub(crate) fn sync(self) -> io::Result<Arc<File>> {
        write_all(&self.file, &self.gathered)?;
        self.file.sync_all()?;
        Ok(self.file)
    }
}

fn write_all(mut file: &File, pieces: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    let mut left = &mut slices[..];
    // Empty slices at the front would look like a full disk.
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        match file.write_vectored(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut left, written),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check(pieces: &[usize]) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut writer = FileWriter::new(File::create(&path).unwrap());
        let mut expected = Vec::new();
        for (number, len) in pieces.iter().enumerate() {
            let piece = vec![u8::try_from(number % 251).unwrap(); *len];
            expected.extend_from_slice(&piece);
            writer.write(piece.into()).await.unwrap();
        }
        writer.settle().await.unwrap().sync().unwrap();
        assert!(std::fs::read(&path).unwrap() == expected, "{pieces:?}");
    }

    #[tokio::test]
    async fn writes_what_came_in_its_order() {
        check(&[]).await;
        check(&[0]).await;
        check(&[0, 5, 0, 0, 7, 0]).await;
        check(&[BATCH, BATCH - 1, 1, 2, BATCH + 1]).await;
        check(&[1; PIECES * 3 + 1]).await;
        check(&[SYNC_AFTER / 4; 9]).await;
    }

    #[tokio::test]
    async fn a_write_that_failed_behind_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "").unwrap();
        let mut writer = FileWriter::new(File::open(&path).unwrap());

        writer.write(vec![1; BATCH].into()).await.unwrap();
        assert!(writer.settle().await.is_err(), "the file can only be read");
    }
}
