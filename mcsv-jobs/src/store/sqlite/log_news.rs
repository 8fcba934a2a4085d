use std::path::Path;
use std::time::Duration;

#[cfg(target_os = "linux")]
pub(super) use self::inotify::LogNews;
#[cfg(not(target_os = "linux"))]
pub(super) use self::none::LogNews;

#[cfg(target_os = "linux")]
mod inotify {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::fd::OwnedFd;
    use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
    use rustix::io::{Result, read};

    use super::{Duration, Path};

    /// What the system tells of writes to the log.
    pub(in super::super) struct LogNews(OwnedFd);

    impl LogNews {
        /// None where it can't be asked, as where a user has too many of these.
        pub(in super::super) fn of(log: &Path) -> Option<Self> {
            let news = LogNews(init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok()?);
            news.watch(log, WatchFlags::MODIFY).ok()?;
            Some(news)
        }

        /// Asks to be told of the writes from now on.
        pub(in super::super) fn ask(&self, log: &Path) {
            // Where there is no log there is no news.
            let _ = self.watch(log, WatchFlags::MODIFY);
        }

        /// Asks to be told no more of them: each one that is told takes a part of the time of who writes.
        pub(in super::super) fn leave(&self, log: &Path) {
            // To remove the watch takes as long as many of these, and the one who writes has to wait for it.
            let _ = self.watch(log, WatchFlags::DELETE_SELF);
        }

        fn watch(&self, log: &Path, events: WatchFlags) -> Result<()> {
            add_watch(&self.0, log, events).map(drop)
        }

        /// Waits until it is told of a write, at most so long; whether it was. What was told before counts.
        pub(in super::super) fn wait(&self, most: Duration) -> bool {
            let mut told = [PollFd::new(&self.0, PollFlags::IN)];
            let most = Timespec::try_from(most).ok();
            if !poll(&mut told, most.as_ref()).is_ok_and(|told| told > 0) {
                return false;
            }
            let mut events = [0_u8; 1 << 10];
            while read(&self.0, &mut events).is_ok_and(|bytes| bytes > 0) {}
            true
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod none {
    use super::{Duration, Path};

    /// Other systems are not asked.
    pub(in super::super) enum LogNews {}

    impl LogNews {
        pub(in super::super) fn of(_: &Path) -> Option<Self> {
            None
        }

        pub(in super::super) fn ask(&self, _: &Path) {
            match *self {}
        }

        pub(in super::super) fn leave(&self, _: &Path) {
            match *self {}
        }

        pub(in super::super) fn wait(&self, _: Duration) -> bool {
            match *self {}
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::{remove_file, write};

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn writes_are_told_once_asked_for_also_those_to_a_new_file() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let log = folder.path().join("jobs.db-wal");
        assert!(LogNews::of(&log).is_none(), "there is no file");
        write(&log, "")?;
        let news = LogNews::of(&log).ok_or(std::io::ErrorKind::Unsupported)?;

        assert!(!news.wait(Duration::ZERO));
        write(&log, "one")?;
        write(&log, "two")?;
        assert!(news.wait(LONG));
        assert!(!news.wait(Duration::ZERO));
        news.leave(&log);
        write(&log, "three")?;
        assert!(!news.wait(Duration::ZERO));
        news.ask(&log);
        assert!(!news.wait(Duration::ZERO));
        write(&log, "four")?;
        assert!(news.wait(LONG));

        remove_file(&log)?;
        write(&log, "five")?;
        // That the old one is gone may be told.
        news.wait(Duration::ZERO);
        news.ask(&log);
        write(&log, "six")?;
        assert!(news.wait(LONG));
        Ok(())
    }
}
