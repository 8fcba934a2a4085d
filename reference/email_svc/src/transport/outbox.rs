use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use lettre::Message;
use mcsv_rpc::{Error, Result};

use super::Delivery;

/// A folder with one `.eml` file per mail. The file is its own delivery record: its name is the
/// `email_id`, and it appears whole or not at all.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    folder: PathBuf,
}

impl Outbox {
    pub(super) async fn open(folder: PathBuf) -> io::Result<Self> {
        tokio::fs::create_dir_all(&folder).await?;
        Ok(Outbox { folder })
    }

    pub(super) async fn deliver(&self, email_id: &str, message: &Message) -> Result<Delivery> {
        let path = self.folder.join(format!("{email_id}.eml"));
        let content = message.formatted();
        let place = format!("to {}", path.display());
        let written = tokio::task::spawn_blocking(move || create_whole(&path, &content)).await;
        match written {
            Ok(Ok(Created::New)) => Ok(Delivery::Done(place)),
            Ok(Ok(Created::Existed)) => Ok(Delivery::DoneBefore(place)),
            Ok(Err(error)) => {
                Err(Error::unavailable("the outbox can't be written").with_source(error))
            }
            Err(panicked) => Err(Error::internal("the outbox failed").with_source(panicked)),
        }
    }

    pub(super) async fn check(&self) -> Result<(), String> {
        match tokio::fs::metadata(&self.folder).await {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => Err("the outbox is no folder".to_owned()),
            Err(error) => Err(format!("the outbox is not there: {}", error.kind())),
        }
    }
}

pub(super) enum Created {
    New,
    Existed,
}

/// Creates `path` with `content`, durably, or finds that it is there. A reader never sees a part:
/// the content is complete and synced under another name before the link to it is made, and a link,
/// unlike a rename, never replaces what another attempt made.
pub(super) fn create_whole(path: &Path, content: &[u8]) -> io::Result<Created> {
    if path.try_exists()? {
        return Ok(Created::Existed);
    }
    let temporary = path.with_extension(format!("{}.tmp", mcsv_core::SpanId::random()));
    let created = (|| {
        let mut file = File::create_new(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        match fs::hard_link(&temporary, path) {
            Ok(()) => Ok(Created::New),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Created::Existed),
            Err(error) => Err(error),
        }
    })();
    // Left behind only by a crash; nothing reads it.
    let _ = fs::remove_file(&temporary);
    if let (Ok(Created::New), Some(folder)) = (&created, path.parent()) {
        File::open(folder)?.sync_all()?;
    }
    created
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_many_attempts_wins_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mail.eml");

        let new = std::thread::scope(|scope| {
            let path = &path;
            let attempts: Vec<_> = (0..8)
                .map(|n| scope.spawn(move || create_whole(path, &[n; 1000]).unwrap()))
                .collect();
            attempts
                .into_iter()
                .map(|it| it.join().unwrap())
                .fold(0, |n, created| n + u32::from(matches!(created, Created::New)))
        });

        assert_eq!(new, 1);
        let content = fs::read(&path).unwrap();
        assert!(content.len() == 1000 && content.iter().all(|byte| *byte == content[0]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
