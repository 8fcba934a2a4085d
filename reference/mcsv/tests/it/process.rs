use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

/// Longest wait for anything; a machine under load must not fail a test.
const PATIENCE: Duration = Duration::from_secs(180);

/// The program with nothing of this environment that could change what it does.
pub(crate) fn mcsv(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcsv"));
    command.args(arguments).env_clear().env("LOG_FORMAT", "json").stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    mcsv(arguments).output().expect("the program starts")
}

/// A running program whose log is read as it comes.
pub(crate) struct Process {
    child: Child,
    log: Arc<Log>,
    reader: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Log {
    lines: Mutex<Vec<Value>>,
    grown: Condvar,
}

impl Process {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the program starts");
        let stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let log = Arc::<Log>::default();
        let filled = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or(Value::String(line));
                filled.lines.lock().unwrap().push(line);
                filled.grown.notify_all();
            }
        });
        Process { child, log, reader: Some(reader) }
    }

    /// Waits until `count` lines of the log match.
    #[track_caller]
    pub(crate) fn wait_for(&self, count: usize, matches: impl Fn(&Value) -> bool) {
        let lines = self.log.lines.lock().unwrap();
        let enough =
            |lines: &mut Vec<Value>| lines.iter().filter(|line| matches(line)).count() < count;
        let (lines, timed_out) =
            self.log.grown.wait_timeout_while(lines, PATIENCE, enough).unwrap();
        assert!(!timed_out.timed_out(), "the log never said it: {:#?}", last(&lines));
    }

    #[track_caller]
    pub(crate) fn wait_for_message(&self, count: usize, message: &str) {
        self.wait_for(count, |line| line["message"] == message);
    }

    /// SIGKILL, as the kernel or a node's death would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.end();
    }

    /// SIGINT, as Ctrl-C sends it; answers the exit code and the whole log.
    pub(crate) fn interrupt(mut self) -> (Option<i32>, Vec<Value>) {
        let id = self.child.id().to_string();
        let sent =
            Command::new("kill").args(["-INT", &id]).status().expect("kill is on every Unix");
        assert!(sent.success());
        let code = self.end();
        let lines = std::mem::take(&mut *self.log.lines.lock().unwrap());
        (code, lines)
    }

    fn end(&mut self) -> Option<i32> {
        let status = self.child.wait().expect("it was started here");
        if let Some(reader) = self.reader.take() {
            reader.join().expect("the reader does not panic");
        }
        status.code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn last(lines: &[Value]) -> &[Value] {
    &lines[lines.len().saturating_sub(30)..]
}

/// One HTTP/1.1 exchange by hand: status and body.
pub(crate) fn exchange(port: u16, request: &[u8]) -> (u16, String) {
    use std::io::Write;
    let mut socket = std::net::TcpStream::connect(("127.0.0.1", port)).expect("the port is open");
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    // A server may answer and close before it has read all: that is its right.
    let _ = socket.write_all(request);
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned();
    (status, body)
}

/// A POST whose connection ends with the answer.
pub(crate) fn post(port: u16, path: &str, content_type: &str, body: &[u8]) -> (u16, String) {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: {content_type}\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    exchange(port, &[head.as_bytes(), body].concat())
}

pub(crate) fn get(port: u16, path: &str) -> (u16, String) {
    let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    exchange(port, head.as_bytes())
}

/// Files of a folder with this extension.
pub(crate) fn files(folder: &Path, extension: &str) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).map(Iterator::collect::<Vec<_>>).unwrap_or_default();
    let paths = entries.into_iter().flatten().map(|entry| entry.path());
    paths.filter(|path| path.extension().is_some_and(|it| it == extension)).collect()
}
