use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{Connection, PgConnection};

use super::Database;
use crate::BoxError;

/// A throw-away PostgreSQL server in a temporary folder, reached by a socket in it.
///
/// It ends, and its folder goes, when this value is dropped or the process ends, however that does.
#[derive(Debug)]
pub struct PostgresServer {
    folder: PathBuf,
    databases: AtomicU32,
    child: Child,
    // The server's guard ends it when this pipe closes.
    watch: Option<ChildStdin>,
    said: BufReader<ChildStdout>,
}

/// Starts a server and says where it is; stops and starts it when told to, and ends it when nobody
/// holds the other end of the pipe.
const GUARD: &str = r#"
    set -e
    folder=$(mktemp -d /tmp/mcsv-jobs-pg.XXXXXX)
    trap 'rm -rf "$folder"' EXIT
    "$1/initdb" -D "$folder/data" -U mcsv -A trust -E UTF8 --locale=C --no-sync >"$folder/log" 2>&1
    start() {
        "$1/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= -c fsync="$2" \
            -c max_connections=400 -c shared_buffers="$3" >>"$folder/log" 2>&1 &
        server=$!
        until "$1/pg_isready" -q -h "$folder"; do kill -0 $server; sleep 0.05; done
    }
    stop() { kill -QUIT $server; wait $server || true; }
    start "$@"
    trap 'stop; rm -rf "$folder"' EXIT
    echo "$folder"
    while read -r word; do
        case $word in stop) stop ;; start) start "$@" ;; esac
        echo "$word"
    done
"#;

impl PostgresServer {
    /// Starts one for tests with the newest binaries below `/usr/lib/postgresql`; none if there are
    /// none. It does not flush to disk.
    ///
    /// Blocks until the server answers, for about two seconds. As root it becomes the user
    /// `postgres`, because the server refuses to run as root.
    ///
    /// # Errors
    ///
    /// The server does not start.
    pub fn start() -> Result<Option<Self>, BoxError> {
        Self::start_with(["off", "64MB"])
    }

    /// Starts one for measurements: with the server's own settings, so that a commit is on disk
    /// before it is answered, and 512 MB of shared buffers.
    ///
    /// # Errors
    ///
    /// The server does not start.
    pub fn start_durable() -> Result<Option<Self>, BoxError> {
        Self::start_with(["on", "512MB"])
    }

    /// `settings` are `fsync` and `shared_buffers`.
    fn start_with(settings: [&str; 2]) -> Result<Option<Self>, BoxError> {
        let Some(binaries) = binaries() else { return Ok(None) };
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--", "sh", "-c", GUARD, "guard"]);
            command
        } else {
            let mut command = Command::new("sh");
            command.args(["-c", GUARD, "guard"]);
            command
        };
        let command = command.arg(binaries).args(settings).current_dir("/");
        // It outlives this process for a moment: whoever reads what that says must not wait for it.
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let watch = child.stdin.take();
        let mut said = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut folder = String::new();
        said.read_line(&mut folder)?;
        if folder.trim().is_empty() {
            let mut why = String::new();
            if let Some(mut complaints) = child.stderr.take() {
                complaints.read_to_string(&mut why)?;
            }
            return Err(format!("the PostgreSQL server did not start: {}", why.trim()).into());
        }
        let folder = PathBuf::from(folder.trim());
        let databases = AtomicU32::new(0);
        Ok(Some(PostgresServer { folder, databases, child, watch, said }))
    }

    /// Stops it in the middle of whatever it does, as a crash would.
    ///
    /// Blocks until it has ended. [`start_again`](Self::start_again) goes on with what was committed.
    ///
    /// # Errors
    ///
    /// Its guard is gone.
    pub fn stop(&mut self) -> Result<(), BoxError> {
        self.tell("stop")
    }

    /// Starts it after a [`stop`](Self::stop), at the same place; blocks until it answers.
    ///
    /// # Errors
    ///
    /// It does not start.
    pub fn start_again(&mut self) -> Result<(), BoxError> {
        self.tell("start")
    }

    fn tell(&mut self, word: &str) -> Result<(), BoxError> {
        let guard = self.watch.as_mut().ok_or("the server has no guard")?;
        writeln!(guard, "{word}")?;
        let mut answer = String::new();
        self.said.read_line(&mut answer)?;
        if answer.trim() == word { Ok(()) } else { Err(format!("no {word} of the server").into()) }
    }

    /// Makes an empty database.
    ///
    /// # Errors
    ///
    /// The server does not answer.
    pub async fn database(&self) -> Result<Database, BoxError> {
        let name = format!("d{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let mut conn = PgConnection::connect(&self.url("postgres")).await?;
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE template0")))
            .execute(&mut conn)
            .await?;
        conn.close().await?;
        Ok(Database::new(self.url(&name)))
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://mcsv@localhost/{database}?host={}", self.folder.display())
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        drop(self.watch.take());
        let _ = self.child.wait();
    }
}

fn binaries() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.flatten().map(|version| version.path().join("bin"));
    folders.filter(|folder| folder.join("initdb").exists()).max()
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
