use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::run::{Result, answers, run};

const SCRIPTS: &str = "mcsv-rpc/interop";
const FOLDER: &str = "target/interop";
const SERVER: &str = "target/debug/examples/interop";

/// Lets clients that others wrote call the interop example, and counts what they understand.
///
/// Their packages are installed below the target folder, at pinned versions, from the registries
/// that pip and npm are set to. A language that is not on this machine is left out, aloud.
pub(crate) fn run_interop() -> Result {
    let generated = format!("{FOLDER}/generated");
    fs::create_dir_all(&generated).map_err(|error| format!("{generated}: {error}"))?;
    let clients = [python()?, node()?];
    run("cargo", &["build", "-p", "mcsv-rpc", "--features", "tls", "--example", "interop"])?;
    let server = Server::start()?;
    let (mut passed, mut failed) = (0, 0);
    for mut client in clients.into_iter().flatten() {
        client.args(&server.urls).arg(absolute(&server.certificate)?);
        client.arg(absolute(&format!("{SCRIPTS}/interop.proto"))?).arg(absolute(&generated)?);
        let (mut process, lines) = lines(&mut client)?;
        for line in lines {
            passed += u32::from(line.starts_with("ok "));
            failed += u32::from(line.starts_with("FAILED "));
            println!("{line}");
        }
        // One that breaks off has cases that nobody counted.
        let ended = process.wait().map_err(|error| error.to_string())?;
        failed += u32::from(!ended.success());
    }
    println!("{passed} passed, {failed} failed");
    match (passed, failed) {
        (1.., 0) => Ok(()),
        (0, 0) => Err("no client could be run".to_owned()),
        _ => Err("some clients and the server do not understand each other".to_owned()),
    }
}

fn python() -> Result<Option<Command>> {
    if !answers("python3", &["-m", "venv", "-h"]) {
        eprintln!("xtask: Python's clients are left out: there is no python3 with venv");
        return Ok(None);
    }
    let home = format!("{FOLDER}/python");
    run("python3", &["-m", "venv", &home])?;
    let python = format!("{home}/bin/python");
    let list = format!("{SCRIPTS}/requirements.txt");
    run(&python, &["-m", "pip", "install", "--quiet", "--requirement", &list])?;
    let mut command = Command::new(python);
    command.arg(format!("{SCRIPTS}/clients.py"));
    Ok(Some(command))
}

fn node() -> Result<Option<Command>> {
    if !answers("npm", &["--version"]) {
        eprintln!("xtask: Node's clients are left out: there is no npm");
        return Ok(None);
    }
    // Node looks for packages beside the script, and they must not land in the sources.
    for file in ["package.json", "clients.mjs"] {
        let from = format!("{SCRIPTS}/{file}");
        fs::copy(&from, format!("{FOLDER}/{file}")).map_err(|error| format!("{from}: {error}"))?;
    }
    // Some name older companions than they work with, hence the first option.
    let options = ["--legacy-peer-deps", "--no-audit", "--no-fund", "--no-package-lock"];
    run("npm", &[&["install", "--silent", "--prefix", FOLDER], &options[..]].concat())?;
    let mut command = Command::new("node");
    command.arg("clients.mjs").current_dir(FOLDER);
    Ok(Some(command))
}

/// The example, until this is dropped.
struct Server {
    process: Child,
    urls: Vec<String>,
    certificate: String,
}

impl Server {
    fn start() -> Result<Self> {
        let certificate = format!("{FOLDER}/certificate.pem");
        let (process, mut lines) = lines(Command::new(SERVER).arg(&certificate))?;
        let urls: Vec<_> = lines.by_ref().take(2).collect();
        let server = Server { process, urls, certificate };
        match server.urls.len() {
            2 => Ok(server),
            _ => Err(format!("{SERVER} did not start")),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which the cases have told by then.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts a program, and gives what it prints line by line.
fn lines(command: &mut Command) -> Result<(Child, impl Iterator<Item = String> + use<>)> {
    let name = command.get_program().to_owned();
    let failed = |error| format!("{} can't be run: {error}", name.display());
    let mut process = command.stdout(Stdio::piped()).spawn().map_err(failed)?;
    let output = process.stdout.take().ok_or("a piped output is there")?;
    Ok((process, BufReader::new(output).lines().map_while(|line| line.ok())))
}

fn absolute(path: &str) -> Result<PathBuf> {
    Path::new(path).canonicalize().map_err(|error| format!("{path}: {error}"))
}
