mod languages;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use languages::{Language, cpp, go, java, node, python};

use crate::process::Running;
use crate::run::{Result, run};
use crate::tally::Tally;

const SCRIPTS: &str = "mcsv-rpc/interop";
const FOLDER: &str = "target/interop";
const EXAMPLES: &str = "target/debug/examples";

/// Lets clients that others wrote call the interop example, and its client call servers that others
/// wrote, and counts what they understand of each other.
///
/// Their packages are installed below the target folder, at pinned versions, from the registries
/// that pip and npm are set to; what is in C++, Java and Go is Debian's. A language that is not on this machine
/// is left out, aloud.
pub(crate) fn run_interop() -> Result {
    let generated = format!("{FOLDER}/generated");
    fs::create_dir_all(&generated).map_err(|error| format!("{generated}: {error}"))?;
    let languages = [python()?, node()?, cpp()?, java()?, go()?];
    let languages: Vec<Language> = languages.into_iter().flatten().collect();
    let examples = ["--example", "interop", "--example", "interop_client"];
    run("cargo", &[&["build", "-p", "mcsv-rpc", "--features", "tls"], &examples[..]].concat())?;

    let certificate = format!("{FOLDER}/certificate.pem");
    let key = format!("{FOLDER}/key.pem");
    let mut ours = Command::new(format!("{EXAMPLES}/interop"));
    let ours = Running::start(ours.args([&certificate, &key]), Some(2))?;
    let mut tally = Tally::default();
    let at = |path: &str| absolute(path);
    let files = [at(&format!("{SCRIPTS}/interop.proto"))?, at(&generated)?];
    let (certificate, key) = (at(&certificate)?, at(&key)?);
    for language in languages {
        let mut clients = language.clients;
        tally.count(clients.args(ours.told()).arg(&certificate).args(&files), "")?;
        let Some(mut servers) = language.servers else { continue };
        let servers = Running::start(servers.args([&certificate, &key]).args(&files), None)?;
        let mut client = Command::new(format!("{EXAMPLES}/interop_client"));
        tally.count(client.arg(&certificate), &servers.told().join("\n"))?;
    }
    tally.told()
}

fn absolute(path: &str) -> Result<PathBuf> {
    Path::new(path).canonicalize().map_err(|error| format!("{path}: {error}"))
}
