//! Peers that are programs of their own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::BoxError;
use crate::case::Took;

pub(crate) async fn graphile(jobs: u32, settings: &str) -> Result<Took, BoxError> {
    let folder = here("graphile");
    if !folder.join("node_modules").exists() {
        return Err("run npm install in the folder graphile first".into());
    }
    let database = super::database().await?;
    // Its driver takes the socket's folder as the host of a plain URL.
    let (rest, socket) = database.url().split_once("?host=").ok_or("a URL without a socket")?;
    let name = rest.rsplit('/').next().unwrap_or_default();
    let socket = socket.replace('/', "%2F");
    let url = format!("postgres://mcsv@{socket}/{name}");
    let mut node = Command::new("node");
    node.arg(folder.join("run.mjs")).arg(url).arg(jobs.to_string()).args(settings.split(' '));
    run(node, jobs).await
}

pub(crate) async fn awa(jobs: u32, settings: &str) -> Result<Took, BoxError> {
    let program = here("awa/target/release/awa-peer");
    if !program.exists() {
        return Err("run cargo build --release in the folder awa first".into());
    }
    let database = super::database().await?;
    let mut awa = Command::new(program);
    awa.arg(database.url()).arg(jobs.to_string()).arg(settings);
    run(awa, jobs).await
}

async fn run(mut command: Command, jobs: u32) -> Result<Took, BoxError> {
    let output = command.kill_on_drop(true).output().await?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}: {text}{error}", output.status).into());
    }
    let seconds: f64 = text.lines().last().unwrap_or_default().trim().parse()?;
    Ok(Took { jobs, time: Duration::from_secs_f64(seconds) })
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
