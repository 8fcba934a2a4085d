//! What libFuzzer runs, as a library: `cargo xtask fuzz TARGET` at the root, or `cargo fuzz run`.
//!
//! The bodies are in [`targets`], which the integration tests of mcsv-rpc include too: there each
//! reads its corpus and some thousands of seeded mutations of it, without libFuzzer.

#![forbid(unsafe_code)]

pub mod targets;

#[allow(clippy::all, missing_debug_implementations)]
mod generated {
    pub mod echo {
        pub mod v1 {
            include!("../../tests/it/generated/echo.v1.rs");
        }
    }
    pub mod json {
        pub mod v1 {
            include!("../../tests/it/generated/json.v1.rs");
        }
    }
}
