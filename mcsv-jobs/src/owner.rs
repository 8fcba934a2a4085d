//! Who holds a lease, and how others can tell that he is dead.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// This process's session: random, so that a restart never takes itself for its predecessor.
///
/// Beside a database on disk the session holds a lock on a file of its name. The system drops the
/// lock when the process ends, however it ends. So whoever can take the lock knows that the owner is
/// dead, and need not wait for its leases to run out.
pub(crate) struct Session {
    name: String,
    folder: Option<PathBuf>,
    // The lock lives as long as this handle.
    _lock: Option<File>,
}

impl Session {
    pub(crate) fn open(database: Option<&Path>) -> Self {
        let name = format!("{}-{:016x}", std::process::id(), fastrand::u64(..));
        let folder = database.map(lock_folder);
        let lock = folder.as_deref().and_then(|folder| match take_lock(folder, &name) {
            Ok(lock) => Some(lock),
            Err(error) => {
                // Only the speed of a rescue is lost: leases run out all the same.
                tracing::warn!(folder = %folder.display(), %error, "no lock file for this worker");
                None
            }
        });
        Session { name, folder, _lock: lock }
    }

    /// The owner of the leases of one driver.
    pub(crate) fn owner(&self, number: u64) -> String {
        format!("{}.{number}", self.name)
    }

    /// The session's number, for the lock that it holds on a server.
    #[cfg(feature = "postgres")]
    pub(crate) fn key(&self) -> i64 {
        Self::key_of(&self.name).unwrap_or_default()
    }

    /// The number of the session of `owner`; none if it is no owner's name.
    #[cfg(feature = "postgres")]
    pub(crate) fn key_of(owner: &str) -> Option<i64> {
        let (_, number) = session_of(owner).split_once('-')?;
        u64::from_str_radix(number, 16).ok().map(u64::cast_signed)
    }

    /// Whether `owner` is of another session that has provably ended.
    pub(crate) fn is_dead(&self, owner: &str) -> bool {
        let session = session_of(owner);
        let Some(folder) = self.folder.as_deref().filter(|_| session != self.name) else {
            return false;
        };
        is_plain(session) && is_free(&folder.join(session))
    }

    /// Removes the lock files of dead sessions that hold no lease any more.
    pub(crate) fn clean_up(&self, owners: &[&str]) {
        let Some(files) = self.folder.as_deref().and_then(|folder| fs::read_dir(folder).ok())
        else {
            return;
        };
        for file in files.flatten() {
            let name = file.file_name();
            let name = name.to_string_lossy();
            let holds = owners.iter().any(|owner| session_of(owner) == name);
            if !holds && name != self.name.as_str() && is_free(&file.path()) {
                let _ = fs::remove_file(file.path());
            }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // A file without an owner means "not known", so this is safe even if leases are left.
        if let Some(folder) = &self.folder {
            let _ = fs::remove_file(folder.join(&self.name));
        }
    }
}

fn session_of(owner: &str) -> &str {
    owner.split('.').next().unwrap_or_default()
}

/// The name comes from the database: it must not lead out of the folder.
fn is_plain(session: &str) -> bool {
    !session.is_empty() && session.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

fn lock_folder(database: &Path) -> PathBuf {
    let mut folder = database.as_os_str().to_owned();
    folder.push(".workers");
    PathBuf::from(folder)
}

fn take_lock(folder: &Path, name: &str) -> std::io::Result<File> {
    fs::create_dir_all(folder)?;
    let file = File::create(folder.join(name))?;
    // Waits for microseconds at most: only a test of this lock can hold it.
    file.lock()?;
    Ok(file)
}

fn is_free(path: &Path) -> bool {
    // A missing file proves nothing: its owner may have failed to make one.
    File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_dead_once_its_lock_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("jobs.db");
        let (one, two) = (Session::open(Some(&database)), Session::open(Some(&database)));
        let owner = one.owner(1);

        assert!(!two.is_dead(&owner));
        // What a kill leaves: the file, without its lock.
        let left = lock_folder(&database).join(&one.name);
        drop(one);
        File::create(&left).unwrap();
        assert!(two.is_dead(&owner));

        two.clean_up(&[owner.as_str()]);
        assert!(left.exists(), "its leases are not rescued yet");
        two.clean_up(&[]);
        assert!(!left.exists());
    }

    #[test]
    fn an_owner_without_a_file_is_not_known_to_be_dead() {
        let folder = tempfile::tempdir().unwrap();
        let session = Session::open(Some(&folder.path().join("jobs.db")));

        assert!(!session.is_dead("1-00.1"));
        assert!(!session.is_dead("../../etc/passwd.1"));
    }
}
