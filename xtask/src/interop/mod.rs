mod languages;
mod process;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use languages::{Language, cpp, node, python};
use process::{Ended, Running};

use crate::run::{Result, run};

const SCRIPTS: &str = "mcsv-rpc/interop";
const FOLDER: &str = "target/interop";
const EXAMPLES: &str = "target/debug/examples";

/// Lets clients that others wrote call the interop example, and its client call servers that others
/// wrote, and counts what they understand of each other.
///
/// Their packages are installed below the target folder, at pinned versions, from the registries
/// that pip and npm are set to; the C++ client is Debian's. A language that is not on this machine is
/// left out, aloud.
pub(crate) fn run_interop() -> Result {
    let generated = format!("{FOLDER}/generated");
    fs::create_dir_all(&generated).map_err(|error| format!("{generated}: {error}"))?;
    let languages: Vec<Language> = [python()?, node()?, cpp()?].into_iter().flatten().collect();
    let examples = ["--example", "interop", "--example", "interop_client"];
    run("cargo", &[&["build", "-p", "mcsv-rpc", "--features", "tls"], &examples[..]].concat())?;

    let certificate = format!("{FOLDER}/certificate.pem");
    let key = format!("{FOLDER}/key.pem");
    let mut ours = Command::new(format!("{EXAMPLES}/interop"));
    let ours = Running::start(ours.args([&certificate, &key]), Some(2))?;
    let mut count = Count::default();
    let at = |path: &str| absolute(path);
    let files = [at(&format!("{SCRIPTS}/interop.proto"))?, at(&generated)?];
    let (certificate, key) = (at(&certificate)?, at(&key)?);
    for language in languages {
        let mut clients = language.clients;
        count.all(clients.args(ours.told()).arg(&certificate).args(&files), "")?;
        let Some(mut servers) = language.servers else { continue };
        let servers = Running::start(servers.args([&certificate, &key]).args(&files), None)?;
        let mut client = Command::new(format!("{EXAMPLES}/interop_client"));
        count.all(client.arg(&certificate), &servers.told().join("\n"))?;
    }
    count.told()
}

#[derive(Default)]
struct Count {
    passed: u32,
    failed: u32,
}

impl Count {
    /// Counts the cases that `program` prints.
    fn all(&mut self, program: &mut Command, input: &str) -> Result {
        let ended = process::run_through(program, input, |line| {
            self.passed += u32::from(line.starts_with("ok "));
            self.failed += u32::from(line.starts_with("FAILED "));
            println!("{line}");
        })?;
        // One that breaks off has cases that nobody counted.
        self.failed += u32::from(matches!(ended, Ended::Badly));
        Ok(())
    }

    fn told(&self) -> Result {
        let Count { passed, failed } = self;
        println!("{passed} passed, {failed} failed");
        match (passed, failed) {
            (1.., 0) => Ok(()),
            (0, 0) => Err("no client could be run".to_owned()),
            _ => Err("some of them do not understand each other".to_owned()),
        }
    }
}

fn absolute(path: &str) -> Result<PathBuf> {
    Path::new(path).canonicalize().map_err(|error| format!("{path}: {error}"))
}
