use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tokio::task::spawn_blocking;

use super::claim::PICKED;
use super::log_file::LogFile;
use super::own::Own;
use super::{DatabaseFile, SqliteStore, Synchronous, Writer, schema};
use crate::{Error, ErrorKind};

/// Longer than any sane lock, so that a busy database delays a write and does not fail it.
pub(super) const BUSY: Duration = Duration::from_secs(30);
const READERS: u32 = 4;

impl SqliteStore {
    pub(in crate::store) async fn connect(url: &str) -> Result<Self, Error> {
        let options = options(url)?;
        let in_memory = url.contains(":memory:") || url.contains("mode=memory");
        if in_memory { Self::in_memory(options).await } else { Self::on_disk(options).await }
    }

    async fn on_disk(options: SqliteConnectOptions) -> Result<Self, Error> {
        let file = options.get_filename().to_path_buf();
        if file.as_os_str().is_empty() {
            // To SQLite it is a database that each connection has for itself and that nobody keeps.
            return Err(Error::invalid(
                "database URL without a file: give one such as sqlite:///var/lib/app/jobs.db",
            ));
        }
        create_folder(&file)?;
        let synchronous = Synchronous::default();
        let write_pool = single(options.clone(), &synchronous).await?;
        schema::migrate(&write_pool).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(BUSY)
            .connect_with(options.read_only(true).create_if_missing(false))
            .await?;
        // The program may go to another folder, and SQLite has its log beside what a link leads to.
        let file =
            std::fs::canonicalize(&file).or_else(|_| std::path::absolute(&file)).unwrap_or(file);
        let file = DatabaseFile::new(&file);
        let own = file.path().to_owned();
        let own = spawn_blocking(move || Own::open(&own)).await.map_err(|_| Error::closed())??;
        let disk = Box::new(LogFile::of(file.path()));
        let writer = Writer::spawn(write_pool, synchronous.clone(), Some(own), Some(disk))?;
        Ok(SqliteStore { writer, synchronous, readers, file: Some(file) })
    }

    /// A database in memory belongs to its one connection, so reads share it with the writes.
    async fn in_memory(options: SqliteConnectOptions) -> Result<Self, Error> {
        let synchronous = Synchronous::default();
        let pool = single(options, &synchronous).await?;
        schema::migrate(&pool).await?;
        let writer = Writer::spawn(pool.clone(), synchronous.clone(), None, None)?;
        Ok(SqliteStore { writer, synchronous, readers: pool, file: None })
    }
}

/// A writer alone, for tests that have the disk in their hands.
#[cfg(test)]
pub(super) async fn open_writer(
    url: &str,
    disk: Box<dyn super::log_sync::Disk>,
) -> Result<Writer, Error> {
    let synchronous = Synchronous::default();
    let options = options(url)?;
    let file = options.get_filename().to_path_buf();
    let pool = single(options, &synchronous).await?;
    schema::migrate(&pool).await?;
    Writer::spawn(pool, synchronous, Some(Own::open(&file)?), Some(disk))
}

async fn single(
    options: SqliteConnectOptions,
    synchronous: &Synchronous,
) -> Result<sqlx::SqlitePool, Error> {
    let synchronous = synchronous.clone();
    let pool = SqlitePoolOptions::new()
        .min_connections(1)
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(BUSY)
        // It is a file: to ask whether it is there takes as long as to use it.
        .test_before_acquire(false)
        .after_connect(move |conn, _| {
            synchronous.set_full();
            Box::pin(async move {
                sqlx::raw_sql(PICKED).execute(conn).await?;
                Ok(())
            })
        })
        .connect_with(options)
        .await?;
    Ok(pool)
}

fn options(url: &str) -> Result<SqliteConnectOptions, Error> {
    check_parameters(url)?;
    let options = SqliteConnectOptions::from_str(url).map_err(|cause| {
        Error::invalid("bad database URL: give one such as sqlite:///var/lib/app/jobs.db")
            .with_source(cause)
    })?;
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // Until the writer says otherwise, a URL cannot: what callers commit survives a power cut
        // when it is answered.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY)
        // For the few ids of a claim: see `claim`.
        .pragma("temp_store", "MEMORY")
        .statement_cache_capacity(256);
    // A transaction is one statement to sqlx, and waits for the lock of somebody else.
    Ok(match "warn".parse() {
        Ok(level) => options.log_slow_statements(level, BUSY),
        Err(_) => options,
    })
}

/// Refuses what the connection of the writer, to which sqlx tells nothing but the file, would not follow.
fn check_parameters(url: &str) -> Result<(), Error> {
    let (_, parameters) = url.split_once('?').unwrap_or_default();
    let is_refused = |parameter: &&str| match parameter.split_once('=') {
        Some(("vfs", _)) | Some(("mode", "ro")) => true,
        Some(("immutable", value)) => value != "false" && value != "0",
        _ => false,
    };
    match parameters.split('&').find(is_refused) {
        Some(parameter) => {
            let context = format!(
                "database URL with {parameter:?}: a queue writes its file as SQLite does; leave it out"
            );
            Err(Error::invalid(context))
        }
        None => Ok(()),
    }
}

fn create_folder(file: &Path) -> Result<(), Error> {
    let Some(folder) = file.parent() else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|cause| {
        let context = format!("folder {} can't be created: check its owner", folder.display());
        Error::new(ErrorKind::Unavailable, context).with_source(cause)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_the_writer_would_not_follow_is_refused_with_its_parameter() {
        for parameter in ["mode=ro", "immutable=1", "immutable=true", "vfs=unix-dotfile"] {
            let refused =
                options(&format!("sqlite:///a/jobs.db?cache=private&{parameter}")).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Invalid);
            assert!(refused.to_string().contains(parameter), "{refused}");
        }
        for taken in
            ["sqlite:///a/jobs.db", "sqlite:///a/vfs=1.db?mode=rwc", "sqlite:jobs.db?mode=rw"]
        {
            options(taken).unwrap();
        }
    }
}
