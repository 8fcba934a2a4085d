//! A server's process.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::BoxError;

pub(crate) struct ServerProcess {
    pub(crate) address: SocketAddr,
    process: Child,
    ask: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl ServerProcess {
    /// Starts the server `name` of this program under `wrapper`, the words of a command.
    pub(crate) fn start(wrapper: &[&str], name: &str) -> Result<Self, BoxError> {
        let own = std::env::current_exe()?;
        let own = own.to_str().ok_or("this program's path is no text")?;
        let words = [wrapper, &[own, "serve", name]].concat();
        let mut process = Command::new(words[0])
            .args(&words[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{} can't be run: {error}", words[0]))?;
        let ask = process.stdin.take();
        let mut answers = BufReader::new(process.stdout.take().ok_or("no output")?);
        let mut line = String::new();
        answers.read_line(&mut line)?;
        let address = line.trim().parse().map_err(|_| format!("{name} did not start"))?;
        Ok(ServerProcess { address, process, ask, answers })
    }

    pub(crate) fn id(&self) -> i32 {
        self.process.id().cast_signed()
    }

    /// The nanoseconds of a processor that it has used.
    pub(crate) fn cpu_time(&mut self) -> Result<u64, BoxError> {
        self.ask.as_mut().ok_or("the server has ended")?.write_all(b"\n")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim().parse()?)
    }

    pub(crate) fn end(mut self) -> Result<(), BoxError> {
        // It ends with its input.
        self.ask = None;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
