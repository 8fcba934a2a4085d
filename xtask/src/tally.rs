use std::process::Command;

use crate::process::{Ended, run_through};
use crate::run::Result;

/// How many cases of foreign programs went well.
#[derive(Default)]
pub(crate) struct Tally {
    passed: u32,
    failed: u32,
}

impl Tally {
    /// Counts the cases that `program` prints.
    pub(crate) fn count(&mut self, program: &mut Command, input: &str) -> Result {
        let ended = run_through(program, input, |line| {
            self.passed += u32::from(line.starts_with("ok "));
            self.failed += u32::from(line.starts_with("FAILED "));
            println!("{line}");
        })?;
        // One that breaks off has cases that nobody counted.
        self.failed += u32::from(matches!(ended, Ended::Badly));
        Ok(())
    }

    /// Prints the sum; an error where there is a failure, or nothing at all.
    pub(crate) fn told(&self) -> Result {
        let Tally { passed, failed } = self;
        println!("{passed} passed, {failed} failed");
        match (passed, failed) {
            (1.., 0) => Ok(()),
            (0, 0) => Err("no client could be run".to_owned()),
            _ => Err("not all is well".to_owned()),
        }
    }
}
