use std::process::Command;

use crate::process::Running;
use crate::run::{Result, answers, python_with, run};
use crate::storage_servers::SERVERS;
use crate::tally::Tally;

pub(crate) const SCRIPTS: &str = "mcsv-storage/interop";
pub(crate) const FOLDER: &str = "target/storage-clients";
pub(crate) const EXAMPLES: &str = "target/debug/examples";

/// Lets the clients of AWS and of opendal, and a browser, use what mcsv-storage signs, stores and
/// serves, on S3 servers that others wrote, and counts what goes right.
///
/// Packages of Python and Node are installed below the target folder, at pinned versions. What is not
/// on this machine is left out, aloud.
pub(crate) fn run_clients() -> Result {
    if !answers("python3", &["-m", "venv", "-h"]) {
        return Err("there is no python3 with venv".to_owned());
    }
    let list = format!("{SCRIPTS}/requirements.txt");
    let python = python_with(&format!("{FOLDER}/clients"), &list)?;
    run("cargo", &["build", "-p", "mcsv-storage", "--all-features", "--examples"])?;
    let mut tally = Tally::default();
    for start in SERVERS {
        let Some(server) = start(&python)? else { continue };
        let objects = format!("{EXAMPLES}/objects");
        let words = [&format!("{SCRIPTS}/clients.py"), &objects, &server.endpoint];
        let mut client = Command::new(&python);
        client.args(words).args(server.account).args([server.name, server.traits]);
        tally.count(&mut client, "")?;
    }
    browser(&python, &mut tally)?;
    tally.told()
}

fn browser(python: &str, tally: &mut Tally) -> Result {
    let known = ["chromium", "chromium-browser", "google-chrome"];
    let Some(chromium) = known.into_iter().find(|name| answers(name, &["--version"])) else {
        eprintln!("xtask: the browser is left out: there is no Chromium");
        return Ok(());
    };
    let (_page, address) = Running::at(&mut Command::new(format!("{EXAMPLES}/upload_page")))?;
    let mut client = Command::new(python);
    client.args([&format!("{SCRIPTS}/browser.py"), chromium, &address]);
    tally.count(&mut client, "")
}
