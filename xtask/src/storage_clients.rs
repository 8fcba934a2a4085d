use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use crate::run::{Result, answers, run};

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
        tally.count(&mut client)?;
    }
    browser(&python, &mut tally)?;
    println!("{} passed, {} failed", tally.passed, tally.failed);
    if tally.failed == 0 && tally.passed > 0 { Ok(()) } else { Err("not all is well".to_owned()) }
}

fn venv(name: &str, list: &str) -> Result<String> {
    let home = format!("{FOLDER}/{name}");
    run("python3", &["-m", "venv", &home])?;
    let python = format!("{home}/bin/python");
    let list = format!("{SCRIPTS}/{list}");
    run(&python, &["-m", "pip", "install", "--quiet", "--requirement", &list])?;
    Ok(python)
}

#[derive(Default)]
struct Tally {
    passed: u32,
    failed: u32,
}

impl Tally {
    fn count(&mut self, client: &mut Command) -> Result {
        let mut process = client.stdout(Stdio::piped()).spawn().map_err(|e| e.to_string())?;
        let output = process.stdout.take().ok_or("a piped output is there")?;
        for line in BufReader::new(output).lines().map_while(|line| line.ok()) {
            self.passed += u32::from(line.starts_with("ok "));
            self.failed += u32::from(line.starts_with("FAILED "));
            println!("{line}");
        }
        // One that breaks off has cases that nobody counted.
        let ended = process.wait().map_err(|error| error.to_string())?;
        self.failed += u32::from(!ended.success());
        Ok(())
    }
}

/// A server of the S3 protocol with a bucket named `bucket`, until this is dropped.
struct Server {
    process: Child,
    endpoint: String,
    /// Whether it enforces signatures.
    kind: &'static str,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which the cases have told by then.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn s3s(_: &str) -> Result<Option<Server>> {
    let mut command = Command::new(format!("{EXAMPLES}/s3_server"));
    command.args([&format!("{FOLDER}/s3"), "test", "test"]);
    let (process, endpoint) = first_line(&mut command)?;
    Ok(Some(Server { process, endpoint, kind: "enforcing" }))
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
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let process = command.spawn().map_err(|error| error.to_string())?;
    let server = Server { process, endpoint: format!("http://127.0.0.1:{port}"), kind };
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
    let (mut page, address) = first_line(&mut Command::new(format!("{EXAMPLES}/upload_page")))?;
    let mut client = Command::new(python);
    client.args([&format!("{SCRIPTS}/browser.py"), chromium, &address]);
    let counted = tally.count(&mut client);
    let _ = page.kill();
    let _ = page.wait();
    counted
}

/// Starts a program and waits for the address that it prints.
fn first_line(command: &mut Command) -> Result<(Child, String)> {
    let mut process = command.stdout(Stdio::piped()).spawn().map_err(|error| error.to_string())?;
    let output = process.stdout.take().ok_or("a piped output is there")?;
    let mut line = String::new();
    let mut reader = BufReader::new(output.take(1024));
    reader.read_line(&mut line).map_err(|error| error.to_string())?;
    if line.trim().is_empty() {
        return Err(format!("{} did not start", command.get_program().display()));
    }
    Ok((process, line.trim().to_owned()))
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    listener.map(|address| address.port()).map_err(|error| error.to_string())
}
