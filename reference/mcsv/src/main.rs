//! The program: the five services of the reference system, together or one by one, and a client of
//! a running stack.

mod say;

mod cli;
mod commands;
mod conversion;
mod patience;
mod service;
mod stack;
mod stop;
mod traced;

use std::process::ExitCode;

use clap::Parser;

/// The result of a command: an error is printed with its causes.
pub(crate) use say::say;

type Result<T, E = mcsv_rpc::BoxError> = std::result::Result<T, E>;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ended = runtime.map_err(Into::into).and_then(|runtime| {
        let ended = runtime.block_on(commands::run(cli.command));
        // A task that blocks must not keep the program from its end.
        runtime.shutdown_timeout(std::time::Duration::from_secs(1));
        ended
    });
    match ended {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        // Some libraries repeat the cause in their own message.
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        cause = error.source();
    }
    text
}
