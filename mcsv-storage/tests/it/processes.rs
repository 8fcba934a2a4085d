//! This test program in another process, where a test needs one that can be killed, or that sees
//! another network or disk.

use std::env;
use std::process::{Command, Stdio};

/// Starts one test of this program anew, by way of `wrapper` if that has words.
pub(crate) fn again(wrapper: &[&str], test: &str, role: &str, value: &str) -> Command {
    let program = env::current_exe().unwrap();
    let mut command = match wrapper {
        [] => Command::new(&program),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(&program);
            command
        }
    };
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(role, value);
    command
}

/// Whether a program answers to these words. Where it doesn't, a test checks less and says so.
pub(crate) fn answers(program: &str, words: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
