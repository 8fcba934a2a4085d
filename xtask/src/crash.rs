use crate::run::{self, Result};

/// The kills of a check that nobody asked for: some 20 seconds per store.
const SOME: &str = "50";

/// Kills and stops workers of mcsv-jobs at random, then checks every job and its log.
///
/// The arguments go to the program as they are: `--kills N`, `--store sqlite|postgres`, `--seed S`.
pub(crate) fn run(arguments: &[&str]) -> Result {
    let program = ["run", "--quiet", "--package", "mcsv-jobs", "--all-features"];
    let program = [&program[..], &["--example", "crash", "--"], arguments];
    run::run("cargo", &program.concat())
}

/// Lets eight processes with 16 tasks each enqueue and work on one SQLite file.
pub(crate) fn run_crowd(seconds: &str) -> Result {
    run(&["--crowd", seconds])
}

/// A few kills on both stores, and a short crowd; a store that is not installed is told and left out.
pub(crate) fn run_some() -> Result {
    for store in ["sqlite", "postgres"] {
        run(&["--kills", SOME, "--store", store])?;
    }
    run_crowd("10")
}
