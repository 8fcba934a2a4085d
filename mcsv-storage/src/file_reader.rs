use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use tokio::task::JoinHandle;

/// The pieces in which a file is read: each costs one hop to a blocking thread.
const PIECE: u64 = 256 * 1024;

/// Reads a part of a file one piece ahead of its consumer.
///
/// All pieces are of the one file that was opened, whatever takes its name meanwhile. A file that
/// was cut short ends the stream early.
pub(crate) struct FileReader {
    file: Arc<File>,
    /// What has not come yet.
    left: u64,
    next: Option<JoinHandle<io::Result<Bytes>>>,
}

impl FileReader {
    /// Begins to read these bytes. It must be called on a runtime.
    pub(crate) fn new(mut file: File, range: Range<u64>) -> io::Result<Self> {
        file.seek(SeekFrom::Start(range.start))?;
        let left = range.end - range.start;
        let mut reader = FileReader { file: Arc::new(file), left, next: None };
        reader.start_next();
        Ok(reader)
    }

    fn start_next(&mut self) {
        if self.left > 0 {
            let (file, len) = (Arc::clone(&self.file), self.left.min(PIECE));
            self.next = Some(tokio::task::spawn_blocking(move || read(&file, len)));
        }
    }
}

/// What is left after a piece: nothing once one came short.
fn left(asked: u64, piece: &Bytes) -> u64 {
    let len = piece.len() as u64;
    if len < asked.min(PIECE) { 0 } else { asked - len }
}

fn read(file: &File, len: u64) -> io::Result<Bytes> {
    let mut piece = Vec::with_capacity(usize::try_from(len).map_err(io::Error::other)?);
    file.take(len).read_to_end(&mut piece)?;
    Ok(piece.into())
}

impl Stream for FileReader {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(job) = &mut self.next else { return Poll::Ready(None) };
        let read = std::task::ready!(Pin::new(job).poll(cx));
        let piece = read.map_err(io::Error::other).and_then(|read| read);
        self.next = None;
        self.left = piece.as_ref().map_or(0, |piece| left(self.left, piece));
        self.start_next();
        Poll::Ready(Some(piece))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    use futures_util::TryStreamExt;

    const LEN: u64 = PIECE * 3 + 7;

    fn file() -> (tempfile::TempDir, PathBuf, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let content: Vec<u8> = (0..LEN).map(|at| u8::try_from(at % 253).unwrap()).collect();
        std::fs::write(&path, &content).unwrap();
        (folder, path, content)
    }

    #[tokio::test]
    async fn reads_any_part_in_small_pieces() {
        let (_folder, path, content) = file();
        for range in [0..LEN, 0..0, 0..1, 5..PIECE + 5, PIECE..PIECE * 2, LEN - 1..LEN, LEN..LEN] {
            let reader = FileReader::new(File::open(&path).unwrap(), range.clone()).unwrap();
            let pieces: Vec<Bytes> = reader.try_collect().await.unwrap();
            assert!(pieces.iter().all(|piece| piece.len() as u64 <= PIECE));
            let at = |end: u64| usize::try_from(end).unwrap();
            assert!(pieces.concat() == content[at(range.start)..at(range.end)], "{range:?}");
        }
    }

    #[tokio::test]
    async fn goes_on_with_the_file_that_it_opened() {
        let (folder, path, content) = file();
        let reader = FileReader::new(File::open(&path).unwrap(), 0..LEN).unwrap();
        std::fs::write(folder.path().join("new"), vec![0; content.len()]).unwrap();
        std::fs::rename(folder.path().join("new"), &path).unwrap();

        let pieces: Vec<Bytes> = reader.try_collect().await.unwrap();
        assert!(pieces.concat() == content);
    }

    #[tokio::test]
    async fn ends_early_where_the_file_does() {
        let (_folder, path, _) = file();
        let reader = FileReader::new(File::open(&path).unwrap(), 0..LEN).unwrap();
        File::options().write(true).open(&path).unwrap().set_len(PIECE + 1).unwrap();

        let pieces: Vec<Bytes> = reader.try_collect().await.unwrap();
        assert_eq!(pieces.concat().len() as u64, PIECE + 1);
    }
}
