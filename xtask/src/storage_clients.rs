use std::fs;
use std::net::TcpListener;
use std::process::Command;

use crate::process::Running;
use crate::run::{Result, answers, python_with, run};
use crate::tally::Tally;

const SCRIPTS: &str = "mcsv-storage/interop";
const FOLDER: &str = "target/storage-clients";
const EXAMPLES: &str = "target/debug/examples";

/// Lets AWS's clients and a browser use what mcsv-storage signs, stores and serves, on S3 servers
/// that others wrote, and counts what goes right.
///
/// Python's packages are installed below the target folder, at pinned versions. What is not on this
/// machine is left out, aloud.
pub(crate) fn run_clients() -> Result {
    if !answers("python3", &["-m", "venv", "-h"]) {
        return Err("there is no python3 with venv".to_owned());
    }
    fs::create_dir_all(format!("{FOLDER}/s3/bucket")).map_err(|error| error.to_string())?;
    let python = venv("clients", "requirements.txt")?;
    let examples = ["build", "-p", "mcsv-storage", "--all-features", "--examples"];
    run("cargo", &examples)?;
    let mut tally = Tally::default();
    for start in [s3s, localstack, moto] {
        let Some(server) = start(&python)? else { continue };
        let objects = format!("{EXAMPLES}/objects");
        let words = [&format!("{SCRIPTS}/clients.py"), &objects, &server.endpoint];
        let mut client = Command::new(&python);
        client.args(words).args(["test", "test", server.kind]);
        tally.count(&mut client, "")?;
    }
    browser(&python, &mut tally)?;
    tally.told()
}

fn venv(name: &str, list: &str) -> Result<String> {
    python_with(&format!("{FOLDER}/{name}"), &format!("{SCRIPTS}/{list}"))
}

/// A server of the S3 protocol with a bucket named `bucket`, until this is dropped.
struct Server {
    _running: Running,
    endpoint: String,
    /// Whether it enforces signatures.
    kind: &'static str,
}

fn s3s(_: &str) -> Result<Option<Server>> {
    let mut command = Command::new(format!("{EXAMPLES}/s3_server"));
    command.args([&format!("{FOLDER}/s3"), "test", "test"]);
    let (running, endpoint) = first_line(&mut command)?;
    Ok(Some(Server { _running: running, endpoint, kind: "enforcing" }))
}

/// LocalStack checks the signatures of presigned URLs when it is asked to.
fn localstack(client: &str) -> Result<Option<Server>> {
    let Ok(python) = venv("localstack", "requirements-localstack.txt") else {
        eprintln!("xtask: LocalStack is left out: it can't be installed here");
        return Ok(None);
    };
    let port = free_port()?;
    let mut command = Command::new(python);
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
    foreign(command, port, client, "enforcing").map(Some)
}

fn moto(client: &str) -> Result<Option<Server>> {
    let port = free_port()?;
    let mut command = Command::new(client);
    command.args(["-m", "moto.server", "-p", &port.to_string()]);
    foreign(command, port, client, "lenient").map(Some)
}

fn foreign(mut command: Command, port: u16, client: &str, kind: &'static str) -> Result<Server> {
    let running = Running::silent(&mut command)?;
    let server = Server { _running: running, endpoint: format!("http://127.0.0.1:{port}"), kind };
    // It waits until the server answers, and makes the bucket.
    run(client, &[&format!("{SCRIPTS}/prepare.py"), &server.endpoint])?;
    Ok(server)
}

fn browser(python: &str, tally: &mut Tally) -> Result {
    let known = ["chromium", "chromium-browser", "google-chrome"];
    let Some(chromium) = known.into_iter().find(|name| answers(name, &["--version"])) else {
        eprintln!("xtask: the browser is left out: there is no Chromium");
        return Ok(());
    };
    let (_page, address) = first_line(&mut Command::new(format!("{EXAMPLES}/upload_page")))?;
    let mut client = Command::new(python);
    client.args([&format!("{SCRIPTS}/browser.py"), chromium, &address]);
    tally.count(&mut client, "")
}

/// Starts a program and waits for the address that it prints.
fn first_line(command: &mut Command) -> Result<(Running, String)> {
    let running = Running::start(command, Some(1))?;
    let address = running.told().first().cloned();
    let name = command.get_program().display();
    Ok((running, address.ok_or_else(|| format!("{name} did not start"))?))
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(|error| error.to_string())
}
