//! What libFuzzer runs, as a library: `cargo xtask fuzz TARGET` at the root, or `cargo fuzz run`.
//!
//! The bodies are in [`targets`], which the integration tests of mcsv-storage include too: there
//! each reads its corpus and some thousands of seeded mutations of it, without libFuzzer.

#![forbid(unsafe_code)]

pub mod targets;
