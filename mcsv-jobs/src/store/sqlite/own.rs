use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::claim::PICKED;
use super::connect::BUSY;
use crate::Error;

/// As many as there are statements, about.
const STATEMENTS: usize = 64;

/// The writer's own connection, which it uses from its thread. To reach the thread of a connection of sqlx
/// and to hear back takes longer than to enqueue a job.
pub(super) struct Own {
    file: PathBuf,
    /// None until it is needed: where a transaction could not be ended, or the log has begun anew.
    conn: Option<Connection>,
}

impl Own {
    pub(super) fn open(file: &Path) -> Result<Self, Error> {
        Ok(Own { file: file.to_owned(), conn: Some(open(file)?) })
    }

    /// Has the next transaction open it anew.
    pub(super) fn close(&mut self) {
        self.conn = None;
    }

    /// Commits what `write` does, or nothing.
    pub(super) fn transaction<T>(
        &mut self,
        write: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let conn = match self.conn.take() {
            Some(conn) => conn,
            None => open(&self.file)?,
        };
        let written = execute(&conn, "BEGIN IMMEDIATE").and_then(|()| write(&conn));
        let written = written.and_then(|written| execute(&conn, "COMMIT").map(|()| written));
        if !conn.is_autocommit() {
            // It fails where the database has rolled back by itself.
            let _ = conn.execute_batch("ROLLBACK");
        }
        self.conn = conn.is_autocommit().then_some(conn);
        written
    }
}

fn execute(conn: &Connection, statement: &str) -> Result<(), Error> {
    conn.prepare_cached(statement)?.execute([])?;
    Ok(())
}

/// Waits for no disk when it commits: see [`LogSync`](super::log_sync::LogSync).
fn open(file: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(file, flags)?;
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    conn.execute_batch(
        "PRAGMA foreign_keys = ON; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY",
    )?;
    conn.execute_batch(PICKED)?;
    Ok(conn)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BoxError, ErrorKind};

    fn fresh(folder: &tempfile::TempDir) -> Result<Own, BoxError> {
        let file = folder.path().join("jobs.db");
        Connection::open(&file)?.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (c)")?;
        Ok(Own::open(&file)?)
    }

    fn add(own: &mut Own, bytes: u32) -> Result<usize, Error> {
        own.transaction(|conn| Ok(conn.execute("INSERT INTO t VALUES (zeroblob(?1))", [bytes])?))
    }

    fn rows(own: &mut Own) -> Result<i64, Error> {
        own.transaction(|conn| Ok(conn.query_one("SELECT count(*) FROM t", [], |row| row.get(0))?))
    }

    #[test]
    fn a_full_disk_takes_nothing_of_a_transaction_and_later_the_next() -> Result<(), BoxError> {
        let folder = tempfile::tempdir()?;
        let mut own = fresh(&folder)?;
        own.transaction(|conn| Ok(conn.execute_batch("PRAGMA max_page_count = 1")?))?;

        let full = add(&mut own, 60_000).unwrap_err();
        assert_eq!(full.kind(), ErrorKind::Unavailable);
        assert!(full.to_string().contains("no room"), "{full}");
        assert_eq!(rows(&mut own)?, 0);

        own.transaction(|conn| Ok(conn.execute_batch("PRAGMA max_page_count = 100000")?))?;
        add(&mut own, 60_000)?;
        assert_eq!(rows(&mut own)?, 1);
        Ok(())
    }

    #[test]
    fn what_fails_in_the_middle_leaves_nothing_and_no_transaction_open() -> Result<(), BoxError> {
        let folder = tempfile::tempdir()?;
        let mut own = fresh(&folder)?;
        let failed = own.transaction(|conn| {
            conn.execute("INSERT INTO t VALUES (1)", [])?;
            Err::<(), _>(Error::closed())
        });

        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(rows(&mut own)?, 0);
        // Another one may write.
        let mut other = Own::open(&own.file)?;
        add(&mut other, 1)?;
        Ok(())
    }

    #[test]
    fn an_end_that_the_database_made_itself_is_no_end_of_the_connection() -> Result<(), BoxError> {
        let folder = tempfile::tempdir()?;
        let mut own = fresh(&folder)?;
        let failed = own.transaction(|conn| Ok(conn.execute_batch("ROLLBACK")?));

        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Database, "there is nothing to commit");
        add(&mut own, 1)?;
        assert_eq!(rows(&mut own)?, 1);
        Ok(())
    }
}
