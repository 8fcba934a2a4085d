use std::fs;
use std::process::Command;

use crate::process::Running;
use crate::run::{Result, answers, python_with, run};
use crate::tally::Tally;

const SCRIPTS: &str = "mcsv-rpc/interop/openapi";
const FOLDER: &str = "target/openapi";
const EXAMPLE: &str = "interop_openapi";

/// Has three linters read the OpenAPI documents of the test services, and holds what a server of
/// theirs answers against the schemas.
///
/// The linters are installed below the target folder, at pinned versions, from the registries that
/// pip and npm are set to.
pub(crate) fn run_openapi() -> Result {
    if !answers("npm", &["--version"]) || !answers("python3", &["-m", "venv", "-h"]) {
        return Err("this needs npm, and python3 with venv".to_owned());
    }
    fs::create_dir_all(FOLDER).map_err(|error| format!("{FOLDER}: {error}"))?;
    // The linters look for packages and rules beside the documents.
    for file in ["package.json", "spectral.yaml"] {
        let from = format!("{SCRIPTS}/{file}");
        fs::copy(&from, format!("{FOLDER}/{file}")).map_err(|error| format!("{from}: {error}"))?;
    }
    let options = ["--silent", "--no-audit", "--no-fund", "--no-package-lock"];
    run("npm", &[&["install", "--prefix", FOLDER], &options[..]].concat())?;
    let python = python_with(&format!("{FOLDER}/python"), &format!("{SCRIPTS}/requirements.txt"))?;
    run("cargo", &["build", "-p", "mcsv-rpc", "--example", EXAMPLE])?;

    let mut server = Command::new(format!("target/debug/examples/{EXAMPLE}"));
    let server = Running::start(&mut server, Some(2))?;
    let mut tally = Tally::default();
    let mut check = Command::new(python);
    check.args([&format!("{SCRIPTS}/check.py"), FOLDER]).args(server.told());
    tally.count(&mut check, "")?;
    tally.told()
}
