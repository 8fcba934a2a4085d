use crate::run::{Result, answers, run, run_with};
use crate::test;

/// What must hold before a change goes in.
pub(crate) fn run_ci() -> Result {
    run("cargo", &["fmt", "--all", "--check"])?;
    let lints =
        ["clippy", "--workspace", "--all-targets", "--all-features", "--", "--deny", "warnings"];
    run("cargo", &lints)?;
    let docs = ["doc", "--workspace", "--no-deps", "--all-features"];
    run_with("cargo", &docs, &[("RUSTDOCFLAGS", "--deny warnings")])?;
    if answers("cargo", &["deny", "--version"]) {
        run("cargo", &["deny", "check"])?;
    } else {
        eprintln!("xtask: cargo-deny is not installed: licences and advisories are not checked");
    }
    test::run(&[])
}
