use std::fs;

/// Clock ticks per second in `/proc`: 100 on every architecture of Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// What the kernel says about this process, under the names that Prometheus' own clients use.
#[derive(Debug)]
pub(crate) struct ProcessStats {
    pub(crate) cpu_seconds: f64,
    start_seconds: f64,
    resident_bytes: f64,
    threads: f64,
    open_fds: f64,
}

impl ProcessStats {
    /// `None` where there is no `/proc`.
    pub(crate) fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The name of the program may hold spaces and brackets; what follows its last bracket not.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        // proc_pid_stat(5) counts from 1, and two fields stand before the bracket's end.
        let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        let boot = line(&fs::read_to_string("/proc/stat").ok()?, "btime")?;
        let status = fs::read_to_string("/proc/self/status").ok()?;
        Some(ProcessStats {
            cpu_seconds: (field(14)? + field(15)?) / TICKS_PER_SECOND,
            start_seconds: boot + field(22)? / TICKS_PER_SECOND,
            resident_bytes: line(&status, "VmRSS:")? * 1024.0,
            threads: field(20)?,
            // The listing holds the descriptor that reads it.
            open_fds: fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1) as f64,
        })
    }

    /// Name, help and value of each gauge.
    pub(crate) fn gauges(&self) -> [(&'static str, &'static str, f64); 4] {
        [
            ("process_open_fds", "Open file descriptors.", self.open_fds),
            ("process_resident_memory_bytes", "Memory in RAM.", self.resident_bytes),
            ("process_start_time_seconds", "Start, in Unix time.", self.start_seconds),
            ("process_threads", "Threads of the operating system.", self.threads),
        ]
    }
}

/// The number that follows `name` at the start of a line.
fn line(text: &str, name: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}
