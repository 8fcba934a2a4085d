//! Commands for those who work on this repository: `cargo xtask test`, `cargo xtask ci` and more.

mod ci;
mod crash;
mod fuzz;
mod interop;
mod openapi;
#[cfg(test)]
mod picture;
mod process;
mod run;
mod setup;
mod storage;
mod storage_clients;
mod storage_servers;
mod tally;
mod test;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask test   sets up this machine as far as it may, then runs every test and doc test
cargo xtask ci     formatting, lints, docs, licences, then all of the above
cargo xtask crash [--kills N] [--store sqlite|postgres] [--seed S]
                   kills and stops workers at random, then checks every job
cargo xtask crowd [--seconds N]
                   lets eight processes work on one SQLite file, for ten minutes by default
cargo xtask fuzz [TARGET] [--seconds N]
                   looks for inputs that break a decoder, one minute each; needs a C++ compiler
cargo xtask interop
                   lets RPC clients and servers of Python, Node, C++, Java and Go talk to mcsv-rpc
cargo xtask openapi
                   lints the OpenAPI documents of mcsv-rpc's test services, and holds answers
                   against them
cargo xtask storage forgery [COUNT] [SEED] | kills [UPLOADS] | clients | cost | throughput [MIB] [FOLDER]
                   a million forged requests; 1,000 uploads that are killed or wrong; the clients
                   of AWS and opendal and a browser; figures";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["test", rest @ ..] => test::run(rest),
        ["crash", rest @ ..] => crash::run(rest),
        ["crowd"] => crash::run_crowd("600"),
        ["crowd", "--seconds", seconds] => crash::run_crowd(seconds),
        ["fuzz", rest @ ..] => fuzz::run_fuzz(rest),
        ["storage", rest @ ..] => storage::run_storage(rest),
        ["interop"] => interop::run_interop(),
        ["openapi"] => openapi::run_openapi(),
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
