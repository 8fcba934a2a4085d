use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use crate::run::Result;

/// How a program ended.
pub(crate) enum Ended {
    Well,
    Badly,
}

/// Runs a program to its end, and shows what it prints line by line.
pub(crate) fn run_through(
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
pub(crate) struct Running {
    process: Child,
    told: Vec<String>,
}

impl Running {
    /// Starts `program`, and waits for as many lines as `count` says, or for an empty one.
    pub(crate) fn start(program: &mut Command, count: Option<usize>) -> Result<Self> {
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

    /// Starts `program`, and waits for the address that it prints first.
    pub(crate) fn at(program: &mut Command) -> Result<(Self, String)> {
        let running = Running::start(program, Some(1))?;
        let address = running.told().first().cloned();
        let name = program.get_program().display();
        Ok((running, address.ok_or_else(|| format!("{name} did not start"))?))
    }

    /// Starts `program` without a look at what it prints.
    pub(crate) fn silent(program: &mut Command) -> Result<Self> {
        let process = program.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let process = process.map_err(|error| cannot_run(program, &error))?;
        Ok(Running { process, told: Vec::new() })
    }

    /// The lines that it printed when it had started.
    pub(crate) fn told(&self) -> &[String] {
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
    let process = command.stdout(Stdio::piped()).spawn();
    let mut process = process.map_err(|error| cannot_run(command, &error))?;
    let output = process.stdout.take().ok_or("a piped output is there")?;
    Ok((process, BufReader::new(output).lines().map_while(|line| line.ok())))
}

fn cannot_run(command: &Command, error: &io::Error) -> String {
    format!("{} can't be run: {error}", command.get_program().display())
}
