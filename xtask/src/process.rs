use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use crate::run::Result;

/// How a program ended.
pub(super) enum Ended {
    Well,
    Badly,
}

/// Runs a program to its end, and shows what it prints line by line.
pub(super) fn run_through(
    program: &mut Command,
    input: &str,
    mut line: impl FnMut(&str),
) -> Result<Ended> {
    let (mut process, lines) = lines(program.stdin(Stdio::piped()))?;
    if let Some(mut stdin) = process.stdin.take() {
        // One that reads nothing may have ended by now.
        let _ = stdin.write_all(input.as_bytes());
    }
    lines.for_each(|text| line(&text));
    let status = process.wait().map_err(|error| error.to_string())?;
    Ok(if status.success() { Ended::Well } else { Ended::Badly })
}

/// A program that serves until this is dropped.
pub(super) struct Running {
    process: Child,
    told: Vec<String>,
}

impl Running {
    /// Starts `program`, and waits for as many lines as `count` says, or for an empty one.
    pub(super) fn start(program: &mut Command, count: Option<usize>) -> Result<Self> {
        let name = program.get_program().display().to_string();
        let (process, lines) = lines(program)?;
        let mut running = Running { process, told: Vec::new() };
        for line in lines {
            if line.is_empty() {
                return Ok(running);
            }
            running.told.push(line);
            if count == Some(running.told.len()) {
                return Ok(running);
            }
        }
        Err(format!("{name} did not start"))
    }

    /// The lines that it printed when it had started.
    pub(super) fn told(&self) -> &[String] {
        &self.told
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, which the cases have told by then.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn lines(command: &mut Command) -> Result<(Child, impl Iterator<Item = String> + use<>)> {
    let name = command.get_program().to_owned();
    let failed = |error| format!("{} can't be run: {error}", name.display());
    let mut process = command.stdout(Stdio::piped()).spawn().map_err(failed)?;
    let output = process.stdout.take().ok_or("a piped output is there")?;
    Ok((process, BufReader::new(output).lines().map_while(|line| line.ok())))
}
