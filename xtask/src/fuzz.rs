use std::path::Path;
use std::process::Command;

use crate::run::{Result, run, run_with};

/// The packages of targets; no two have a target of the same name.
const FOLDERS: [&str; 2] = ["mcsv-rpc/fuzz", "mcsv-storage/fuzz"];

/// What cargo-fuzz sets, as far as stable Rust knows it: coverage for libFuzzer, and debug
/// assertions with optimised code. Sanitizers need nightly, and find little in safe code.
const FLAGS: &str = "--cfg fuzzing -Cdebug-assertions -Coverflow-checks -Copt-level=2 \
    -Ccodegen-units=1 -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Fuzzes one target, or each in turn, guided by coverage, for some seconds. Needs a C++ compiler.
///
/// What is found goes on from run to run under the target folder; an input that breaks something is
/// left in `artifacts` and belongs in the corpus once it is mended.
pub(crate) fn run_fuzz(arguments: &[&str]) -> Result {
    let (target, seconds) = match arguments {
        [] => (None, "60"),
        ["--seconds", seconds] => (None, *seconds),
        [target] => (Some(*target), "60"),
        [target, "--seconds", seconds] => (Some(*target), *seconds),
        _ => return Err("fuzz takes [TARGET] [--seconds N]".to_owned()),
    };
    let known = targets()?;
    let chosen: Vec<_> = match target {
        None => known,
        Some(name) => {
            let names: Vec<_> = known.iter().map(|target| target.name.clone()).collect();
            let found = known.into_iter().find(|target| target.name == name);
            vec![found.ok_or(format!("no target {name}: there are {}", names.join(", ")))?]
        }
    };
    let host = host()?;
    for folder in FOLDERS.into_iter().filter(|folder| chosen.iter().any(|t| t.folder == *folder)) {
        let manifest = format!("{folder}/Cargo.toml");
        let build = ["build", "--bins", "--target", &host, "--manifest-path", &manifest];
        run_with("cargo", &build, &[("RUSTFLAGS", FLAGS)])?;
    }
    for target in chosen {
        fuzz(&target, &host, seconds)?;
    }
    Ok(())
}

struct Target {
    folder: &'static str,
    name: String,
}

fn fuzz(Target { folder, name }: &Target, host: &str, seconds: &str) -> Result {
    let found = format!("{folder}/target/corpus/{name}");
    let artifacts = format!("{folder}/artifacts/{name}/");
    for folder in [&found, &artifacts] {
        std::fs::create_dir_all(folder).map_err(|error| format!("{folder}: {error}"))?;
    }
    let time = format!("-max_total_time={seconds}");
    let prefix = format!("-artifact_prefix={artifacts}");
    let seeds = format!("{folder}/corpus/{name}");
    let program = format!("{folder}/target/{host}/debug/{name}");
    let limits = ["-max_len=4096", "-timeout=30", "-rss_limit_mb=2048", "-print_final_stats=1"];
    run(&program, &[&[&*time, &*prefix], &limits[..], &[&*found, &*seeds]].concat())
}

/// The targets, by their files.
fn targets() -> Result<Vec<Target>> {
    let mut targets = Vec::new();
    for folder in FOLDERS {
        let files = Path::new(folder).join("fuzz_targets");
        let entries = std::fs::read_dir(&files)
            .map_err(|error| format!("{}: {error}: run this at the root", files.display()))?;
        let stem = |path: std::path::PathBuf| Some(path.file_stem()?.to_str()?.to_owned());
        let mut names: Vec<_> = entries.filter_map(|entry| stem(entry.ok()?.path())).collect();
        names.sort();
        targets.extend(names.into_iter().map(|name| Target { folder, name }));
    }
    Ok(targets)
}

/// With a target named, the flags stay off build scripts and macros.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().map_err(|error| error.to_string())?;
    let told = String::from_utf8_lossy(&output.stdout);
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc -vV names no host".to_owned())
}
