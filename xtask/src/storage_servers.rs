use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use crate::process::Running;
use crate::run::{Result, answers, python_with, run};
use crate::storage_clients::{EXAMPLES, FOLDER, SCRIPTS};

/// A server of the S3 protocol with a bucket named `bucket`, until this is dropped.
pub(crate) struct Server {
    _running: Running,
    pub(crate) name: &'static str,
    pub(crate) endpoint: String,
    /// The id of the access key, and its secret.
    pub(crate) account: [&'static str; 2],
    /// What `clients.py` may expect of it.
    pub(crate) traits: &'static str,
}

/// Starts a server with the help of a Python that has boto3; `None` for one that this machine can't.
pub(crate) type Start = fn(&str) -> Result<Option<Server>>;

pub(crate) const SERVERS: [Start; 4] = [s3s, localstack, moto, s3rver];

fn s3s(_: &str) -> Result<Option<Server>> {
    fs::create_dir_all(format!("{FOLDER}/s3/bucket")).map_err(|error| error.to_string())?;
    let account = ["test", "test"];
    let mut command = Command::new(format!("{EXAMPLES}/s3_server"));
    command.arg(format!("{FOLDER}/s3")).args(account);
    let (running, endpoint) = Running::at(&mut command)?;
    let name = "s3s-fs";
    Ok(Some(Server { _running: running, name, endpoint, account, traits: "enforces" }))
}

/// LocalStack checks the signatures of presigned URLs when it is asked to.
fn localstack(python: &str) -> Result<Option<Server>> {
    let list = format!("{SCRIPTS}/requirements-localstack.txt");
    let Ok(own) = python_with(&format!("{FOLDER}/localstack"), &list) else {
        return Ok(left_out("LocalStack"));
    };
    let port = free_port()?;
    let mut command = Command::new(own);
    command.args(["-m", "localstack.runtime.main"]).envs([
        ("SERVICES", "s3"),
        ("EAGER_SERVICE_LOADING", "1"),
        ("S3_SKIP_SIGNATURE_VALIDATION", "0"),
        ("GATEWAY_LISTEN", &format!("127.0.0.1:{port}")),
        ("DISABLE_EVENTS", "1"),
        ("SKIP_SSL_CERT_DOWNLOAD", "1"),
        ("FILESYSTEM_ROOT", &format!("{FOLDER}/localstack-data")),
        ("LOCALSTACK_VOLUME_DIR", &format!("{FOLDER}/localstack-volume")),
    ]);
    let (account, traits) = (["test", "test"], "enforces,lists-uploads");
    foreign(command, "LocalStack", port, account, traits, python).map(Some)
}

/// moto checks no signature, and dates every incomplete upload to 2010.
fn moto(python: &str) -> Result<Option<Server>> {
    let port = free_port()?;
    let mut command = Command::new(python);
    command.args(["-m", "moto.server", "-p", &port.to_string()]);
    foreign(command, "moto", port, ["test", "test"], "", python).map(Some)
}

/// s3rver checks no signature, and lists no incomplete uploads.
fn s3rver(python: &str) -> Result<Option<Server>> {
    let home = format!("{FOLDER}/s3rver");
    let install = ["install", "--silent", "--no-audit", "--no-fund", "--prefix", &home];
    if !answers("npm", &["--version"]) || run("npm", &[&install[..], &[S3RVER]].concat()).is_err() {
        return Ok(left_out("s3rver"));
    }
    let port = free_port()?;
    let mut command = Command::new("node");
    command.arg(format!("{home}/node_modules/s3rver/bin/s3rver.js"));
    // What another run has left is no empty bucket.
    let objects = format!("{home}/objects");
    if Path::new(&objects).exists() {
        fs::remove_dir_all(&objects).map_err(|error| error.to_string())?;
    }
    command.args(["--directory", &objects, "--port", &port.to_string()]);
    command.args(["--address", "127.0.0.1"]);
    foreign(command, "s3rver", port, ["S3RVER", "S3RVER"], "", python).map(Some)
}

const S3RVER: &str = "s3rver@3.7.1";

fn left_out<T>(name: &str) -> Option<T> {
    eprintln!("xtask: {name} is left out: it can't be installed here");
    None
}

fn foreign(
    mut command: Command,
    name: &'static str,
    port: u16,
    account: [&'static str; 2],
    traits: &'static str,
    python: &str,
) -> Result<Server> {
    let running = Running::silent(&mut command)?;
    let endpoint = format!("http://127.0.0.1:{port}");
    // It waits until the server answers, and makes the bucket.
    let [id, secret] = account;
    run(python, &[&format!("{SCRIPTS}/prepare.py"), &endpoint, id, secret])?;
    Ok(Server { _running: running, name, endpoint, account, traits })
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(|error| error.to_string())
}
