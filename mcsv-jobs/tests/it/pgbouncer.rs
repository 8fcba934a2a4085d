//! A proxy that hands sessions round: by the transaction, or by the connection.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::process::Stdio;

use mcsv_jobs::{BoxError, JobCx, Jobs, State, Workers};
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

use crate::kit::{Done, LONG, Note, assert_sound, note, run};

const PORT: u16 = 6432;

/// PgBouncer; it ends with this value.
struct Bouncer {
    _process: Child,
    folder: TempDir,
}

impl Bouncer {
    /// In front of the server of `url`; none, and a word about it, where it is not installed.
    async fn start(url: &str, mode: &str) -> Result<Option<Bouncer>, BoxError> {
        let (_, socket) = url.split_once("?host=").ok_or("no socket")?;
        let folder = tempfile::tempdir()?;
        let settings = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host={socket} user=mcsv\n[pgbouncer]\nlisten_addr =\n\
             listen_port = {PORT}\nunix_socket_dir = {}\nauth_type = any\n\
             pool_mode = {mode}\nignore_startup_parameters = extra_float_digits\n",
            folder.path().display()
        );
        std::fs::write(&settings, text)?;
        let mut command = Command::new("/usr/sbin/pgbouncer");
        let command = command.arg("-q").arg(&settings).kill_on_drop(true);
        // It refuses to run as root, and has to reach the server's socket.
        let server = std::fs::metadata(socket)?;
        for path in [folder.path(), &settings] {
            chown(path, Some(server.uid()), Some(server.gid()))?;
        }
        let command = command.uid(server.uid()).gid(server.gid());
        let Ok(process) = command.stderr(Stdio::null()).stdout(Stdio::null()).spawn() else {
            eprintln!("PgBouncer is not tested: no /usr/sbin/pgbouncer");
            return Ok(None);
        };
        let bouncer = Bouncer { _process: process, folder };
        let socket = bouncer.folder.path().join(format!(".s.PGSQL.{PORT}"));
        let answers = async { while UnixStream::connect(&socket).await.is_err() {} };
        tokio::time::timeout(LONG, answers).await?;
        Ok(Some(bouncer))
    }

    fn url(&self, url: &str) -> String {
        let (address, _) = url.split_once("?host=").unwrap_or((url, ""));
        format!("{address}?host={}&port={PORT}", self.folder.path().display())
    }
}

#[tokio::test]
async fn a_proxy_that_mixes_up_statements_is_refused_before_it_does_harm() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let Some(bouncer) = Bouncer::start(database.url(), "transaction").await? else { return Ok(()) };

    let refused = Jobs::connect(&bouncer.url(database.url())).await.unwrap_err();

    assert!(refused.is_invalid(), "{refused:?}");
    assert!(refused.to_string().contains("max_prepared_statements"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn all_jobs_end_behind_a_proxy_that_pools_by_session() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let Some(bouncer) = Bouncer::start(database.url(), "session").await? else { return Ok(()) };
    let jobs = Jobs::connect(&bouncer.url(database.url())).await?;
    let workers = Workers::new(jobs.clone()).queue("notes", 4);
    let workers = run(workers.handle(|_: Note, _: JobCx| async { Done::Ok(()) }));

    for n in 0..20 {
        let mut tx = jobs.begin_pg().await?;
        let id = jobs.enqueue(note(&format!("unique {n}"))).on_pg(&mut tx).await?.id();
        tx.commit().await?;
        assert_eq!(jobs.wait(id, LONG).await?.state, State::Completed);
    }

    workers.end().await?;
    assert_sound(&jobs).await
}
