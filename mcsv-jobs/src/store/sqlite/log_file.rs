use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::file::{Identity, identity};
use super::log_sync::Disk;
use super::log_watch::log_of;

/// The write-ahead log's file, beside SQLite's own handles. SQLite locks the other files, and not this.
///
/// It stays open: the system tells each handle once of a write that failed, whoever heard of it before,
/// but tells nothing of the past to one that is opened later.
pub(super) struct LogFile {
    path: PathBuf,
    open: Option<Open>,
}

struct Open {
    file: File,
    identity: Identity,
    /// Whether its name is on disk, too.
    is_entered: bool,
}

impl LogFile {
    /// Of a database that SQLite has opened, to which nothing was written yet that is to be synced here.
    pub(super) fn of(database: &Path) -> Self {
        let mut log = LogFile { path: log_of(database), open: None };
        // What keeps it from being opened now is heard of by the first who waits for it.
        let _ = log.opened();
        log
    }

    /// The file that has the name now: SQLite makes a new one after all connections were closed.
    fn opened(&mut self) -> io::Result<&mut Open> {
        let now = identity(&fs::metadata(&self.path)?);
        let known = self.open.take().filter(|open| open.identity == now);
        let open = match known {
            Some(open) => open,
            None => {
                let file = OpenOptions::new().write(true).open(&self.path)?;
                let identity = identity(&file.metadata()?);
                Open { file, identity, is_entered: false }
            }
        };
        Ok(self.open.insert(open))
    }
}

impl Disk for LogFile {
    fn sync(&mut self) -> io::Result<()> {
        let path = self.path.clone();
        let open = self.opened()?;
        open.file.sync_data()?;
        if !open.is_entered {
            // SQLite does it with its own first sync of a log, which there need not be.
            sync_folder_of(&path)?;
            open.is_entered = true;
        }
        Ok(())
    }
}

#[cfg(unix)]
fn sync_folder_of(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Folders are no files there, and keep themselves.
#[cfg(not(unix))]
fn sync_folder_of(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_was_made_anew_is_opened_anew() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("jobs.db");
        let path = log_of(&database);
        let mut log = LogFile::of(&database);
        assert_eq!(log.sync().unwrap_err().kind(), io::ErrorKind::NotFound);

        fs::write(&path, "first").unwrap();
        log.sync().unwrap();
        let first = log.open.as_ref().unwrap().identity;
        fs::remove_file(&path).unwrap();
        fs::write(&path, "second").unwrap();
        log.sync().unwrap();

        let second = log.open.as_ref().unwrap();
        assert_ne!(first, second.identity);
        assert_eq!(second.file.metadata().unwrap().len(), 6);
    }

    #[test]
    fn a_log_that_is_gone_is_no_success() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("jobs.db");
        fs::write(log_of(&database), "log").unwrap();
        let mut log = LogFile::of(&database);
        log.sync().unwrap();

        fs::remove_file(log_of(&database)).unwrap();
        assert_eq!(log.sync().unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
