//! One file per command.

mod convert;
mod demo;
mod jobs;
mod openapi;
mod up;
mod users;

use std::process::ExitCode;

use mcsv_telemetry::{Guard, Telemetry};

use crate::Result;
use crate::cli::{Command, UsersCommand};
use crate::service::Service;

pub(crate) async fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Demo(args) => demo::run(args).await,
        Command::Up => up::run(&Service::ALL).await,
        Command::Client => up::run(&[Service::Client]).await,
        Command::User => up::run(&[Service::User]).await,
        Command::Job => up::run(&[Service::Job]).await,
        Command::Email => up::run(&[Service::Email]).await,
        Command::Image => up::run(&[Service::Image]).await,
        Command::Convert(args) => convert::run(args).await,
        Command::Users(UsersCommand::Create(args)) => users::run(args).await,
        Command::Jobs(args) => jobs::run(args).await,
        Command::Openapi(args) => Ok(openapi::run(&args)),
    }
}

/// Logs of a command that talks to a person: warnings, unless the environment asks for more.
fn quiet_telemetry() -> Result<Guard> {
    let asked = std::env::var_os("LOG_FORMAT").is_some();
    let filter = if asked { "info" } else { "warn" };
    Ok(Telemetry::new("mcsv").with_default_filter(filter).install()?)
}
