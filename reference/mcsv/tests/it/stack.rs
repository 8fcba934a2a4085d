use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::process::{Process, mcsv};

/// The five services as five processes on ports of their own.
pub(crate) struct Five {
    folder: tempfile::TempDir,
    ports: [u16; 5],
    processes: Vec<Option<Process>>,
}

pub(crate) const NAMES: [&str; 5] = ["client", "user", "job", "email", "image"];
const URLS: [&str; 5] =
    ["CLIENT_SVC_URL", "USER_SVC_URL", "JOB_SVC_URL", "EMAIL_SVC_URL", "IMAGE_SVC_URL"];

impl Five {
    pub(crate) fn start() -> Self {
        let ports = free_ports();
        let folder = tempfile::tempdir().unwrap();
        let mut five = Five { folder, ports, processes: NAMES.map(|_| None).into() };
        for name in NAMES {
            five.restart(name);
        }
        five
    }

    pub(crate) fn restart(&mut self, name: &str) {
        let at = index(name);
        let mut command = mcsv(&[name]);
        self.configure(&mut command).env("PORT", self.ports[at].to_string());
        let process = Process::start(command);
        process.wait_for_message(1, "listening");
        self.processes[at] = Some(process);
    }

    pub(crate) fn configure<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("DATA_DIR", self.data());
        for (variable, port) in URLS.iter().zip(self.ports) {
            command.env(variable, format!("http://127.0.0.1:{port}"));
        }
        command
    }

    pub(crate) fn process(&self, name: &str) -> &Process {
        self.processes[index(name)].as_ref().expect("it runs")
    }

    pub(crate) fn kill(&mut self, name: &str) {
        self.processes[index(name)].take().expect("it runs").kill();
    }

    pub(crate) fn interrupt(&mut self, name: &str) -> Option<i32> {
        self.processes[index(name)].take().expect("it runs").interrupt().0
    }

    pub(crate) fn port(&self, name: &str) -> u16 {
        self.ports[index(name)]
    }

    pub(crate) fn data(&self) -> &Path {
        self.folder.path()
    }
}

fn index(name: &str) -> usize {
    NAMES.iter().position(|it| *it == name).expect("one of the five")
}

/// Five ports in a row that nobody listens on. They lie below the range from which Linux takes the
/// ports of outgoing connections: a port of that range may be gone when a killed service wants it
/// again.
fn free_ports() -> [u16; 5] {
    // Tests that run at the same time, in one process or in several, begin their search apart.
    static STARTED: AtomicU32 = AtomicU32::new(0);
    let started = STARTED.fetch_add(1, Ordering::Relaxed);
    let apart = std::process::id().wrapping_mul(8).wrapping_add(started) % 4_000;
    let mut first = 10_000 + u16::try_from(apart).unwrap() * 5;
    loop {
        let ports = [0, 1, 2, 3, 4].map(|n| first + n);
        if ports.iter().all(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()) {
            return ports;
        }
        first = if first < 30_000 { first + 5 } else { 10_000 };
    }
}
