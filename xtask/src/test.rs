use crate::run::{self, Result, answers};
use crate::{crash, setup};

/// Every test, by nextest where it is installed, then the doc tests, which nextest leaves out, then
/// some kills of workers.
/// A `filter` is handed to the runner.
pub(crate) fn run(filter: &[&str]) -> Result {
    setup::run()?;
    if answers("cargo", &["nextest", "--version"]) {
        let all = ["nextest", "run", "--workspace", "--all-features"];
        run::run("cargo", &[&all[..], filter].concat())?;
    } else {
        let all = ["test", "--workspace", "--all-features", "--lib", "--bins", "--tests"];
        run::run("cargo", &[&all[..], filter].concat())?;
    }
    run::run("cargo", &["test", "--workspace", "--all-features", "--doc"])?;
    // Whoever filters wants one test soon.
    if filter.is_empty() { crash::run_some() } else { Ok(()) }
}
