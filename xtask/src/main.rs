//! Commands for those who work on this repository: `cargo xtask test`, `crash` and `ci`.

mod ci;
mod crash;
#[cfg(test)]
mod picture;
mod run;
mod setup;
mod test;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask test   sets up this machine as far as it may, then runs every test and doc test
cargo xtask crash  [--kills N] [--store sqlite|postgres] [--seed S]
                   kills and stops workers at random, then checks every job
cargo xtask ci     formatting, lints, docs, licences, then all of the above";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["test", rest @ ..] => test::run(rest),
        ["crash", rest @ ..] => crash::run(rest),
        ["ci"] => ci::run_ci(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
