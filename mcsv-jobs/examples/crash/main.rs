//! Kills and stops processes at random while they fill and empty a queue, then checks every job.
//!
//! `cargo xtask crash --kills 50 --store sqlite`, or `--store postgres`, which needs PostgreSQL's
//! binaries below `/usr/lib/postgresql`. A run prints its seed; `--seed` repeats its faults.
//!
//! `cargo xtask crowd --seconds 600` lets eight processes work on one SQLite file instead.

mod check;
mod crowd;
mod faults;
mod parts;

use std::path::Path;

use mcsv_jobs::testing::{Database, PostgresServer};
use mcsv_jobs::{BoxError, Jobs};

const USAGE: &str = "--kills N --store sqlite|postgres [--seed S]";

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["work", url, folder] => parts::work(url, Path::new(folder)).await,
        ["produce", url, folder, first] => {
            parts::produce(url, Path::new(folder), first.parse()?).await
        }
        ["crowd", url, millis] => crowd::one(url, millis.parse()?).await,
        _ if value(&arguments, "--crowd").is_some() => {
            let seconds = value(&arguments, "--crowd").unwrap_or_default().parse()?;
            crowd::play(std::time::Duration::from_secs(seconds)).await
        }
        _ => torment(&arguments).await,
    }
}

async fn torment(arguments: &[String]) -> Result<(), BoxError> {
    let kills: usize = value(arguments, "--kills").unwrap_or("50").parse()?;
    let seed = value(arguments, "--seed").map_or_else(|| Ok(fastrand::u64(..)), str::parse)?;
    let store = value(arguments, "--store").unwrap_or("sqlite");
    let (database, _server) = match store {
        "sqlite" => (Database::sqlite()?, None),
        "postgres" => {
            let Some(server) = PostgresServer::start()? else {
                println!("PostgreSQL is not tested: no /usr/lib/postgresql/*/bin/initdb");
                return Ok(());
            };
            (server.database().await?, Some(server))
        }
        other => return Err(format!("--store {other}: {USAGE}").into()),
    };
    println!("{store}: {kills} kills, seed {seed}");
    let folder = tempfile::tempdir()?;
    let jobs = Jobs::connect(database.url()).await?;
    parts::create_orders(&jobs).await?;
    let scene = faults::Scene { jobs: &jobs, url: database.url(), folder: folder.path() };
    let faults = scene.play(kills, seed).await?;
    println!("{store}: {}", check::check(&jobs, folder.path(), &faults).await?);
    Ok(())
}

fn value<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    let at = arguments.iter().position(|argument| argument == name)?;
    arguments.get(at + 1).map(String::as_str)
}
