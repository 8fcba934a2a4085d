use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use super::log_watch::log_of;

/// Brings to the disk what was committed without waiting for it, while the next transaction runs.
pub(super) struct LogSync(Option<mpsc::Sender<()>>);

impl LogSync {
    /// Of a database in memory there is nothing to bring.
    pub(super) fn spawn(database: Option<&Path>) -> Self {
        let wanted = database.map(|database| {
            // One that waits is for all that was written before it begins.
            let (wanted, wants) = mpsc::channel(1);
            tokio::spawn(serve(log_of(database), wants));
            wanted
        });
        LogSync(wanted)
    }

    /// Has the log brought to the disk soon.
    pub(super) fn want(&self) {
        if let Some(wanted) = &self.0 {
            let _ = wanted.try_send(());
        }
    }
}

async fn serve(log: PathBuf, mut wants: mpsc::Receiver<()>) {
    while wants.recv().await.is_some() {
        if let Err(error) = sync(&log).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(
                error,
                "the job database is not on disk: outcomes may not outlast a power cut"
            );
        }
    }
}

/// Brings the write-ahead log `log` to the disk.
pub(super) async fn sync(log: &Path) -> io::Result<()> {
    let log = log.to_owned();
    // Opened each time, for SQLite may have made a new one. It locks the other files, and not this.
    let synced = spawn_blocking(move || OpenOptions::new().write(true).open(log)?.sync_data());
    synced.await.unwrap_or_else(|error| Err(io::Error::other(error)))
}
