//! The one PostgreSQL server of this test program.

use std::sync::OnceLock;

use mcsv_jobs::BoxError;
use mcsv_jobs::testing::{Database, PostgresServer};

/// An empty database; none, and a word about it, where no server is installed.
pub(crate) async fn database() -> Result<Option<Database>, BoxError> {
    static SERVER: OnceLock<Option<PostgresServer>> = OnceLock::new();
    let start = || SERVER.get_or_init(|| PostgresServer::start().expect("a server that starts"));
    match tokio::task::spawn_blocking(start).await? {
        Some(server) => Ok(Some(server.database().await?)),
        None => {
            eprintln!("PostgreSQL is not tested: no /usr/lib/postgresql/*/bin/initdb");
            Ok(None)
        }
    }
}
