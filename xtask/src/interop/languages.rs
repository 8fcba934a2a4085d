use std::fs;
use std::process::Command;

use super::{FOLDER, SCRIPTS};
use crate::run::{Result, answers, python_with, run};

/// What others wrote in one language, installed.
pub(super) struct Language {
    /// Takes the URLs of a server.
    pub(super) clients: Command,
    /// Prints the URLs of its servers.
    pub(super) servers: Option<Command>,
}

pub(super) fn python() -> Result<Option<Language>> {
    if !answers("python3", &["-m", "venv", "-h"]) {
        return Ok(left_out("Python", "python3 with venv"));
    }
    let list = format!("{SCRIPTS}/requirements.txt");
    let python = python_with(&format!("{FOLDER}/python"), &list)?;
    let script = |name: &str| {
        let mut command = Command::new(&python);
        command.arg(format!("{SCRIPTS}/{name}"));
        command
    };
    Ok(Some(Language { clients: script("clients.py"), servers: Some(script("servers.py")) }))
}

pub(super) fn node() -> Result<Option<Language>> {
    if !answers("npm", &["--version"]) {
        return Ok(left_out("Node", "npm"));
    }
    // Node looks for packages beside the script, and they must not land in the sources.
    for file in ["package.json", "clients.mjs", "servers.mjs"] {
        let from = format!("{SCRIPTS}/{file}");
        fs::copy(&from, format!("{FOLDER}/{file}")).map_err(|error| format!("{from}: {error}"))?;
    }
    // Some name older companions than they work with, hence the first option.
    let options = ["--legacy-peer-deps", "--no-audit", "--no-fund", "--no-package-lock"];
    run("npm", &[&["install", "--silent", "--prefix", FOLDER], &options[..]].concat())?;
    let script = |name: &str| {
        let mut command = Command::new("node");
        command.arg(name).current_dir(FOLDER);
        command
    };
    Ok(Some(Language { clients: script("clients.mjs"), servers: Some(script("servers.mjs")) }))
}

/// Debian has all of it in `libgrpc++-dev` and `protobuf-compiler-grpc`.
pub(super) fn cpp() -> Result<Option<Language>> {
    let there = answers("c++", &["--version"])
        && answers("protoc", &["--version"])
        && answers("sh", &["-c", "command -v grpc_cpp_plugin"])
        && answers("pkg-config", &["--exists", "grpc++", "protobuf"]);
    if !there {
        return Ok(left_out("C++", "c++, protoc, grpc_cpp_plugin or grpc++"));
    }
    let out = format!("{FOLDER}/generated");
    let program = format!("{FOLDER}/clients");
    let script = format!(
        "set -e
        protoc -I{SCRIPTS} --cpp_out={out} --grpc_out={out} \
            --plugin=protoc-gen-grpc=\"$(command -v grpc_cpp_plugin)\" {SCRIPTS}/interop.proto
        c++ -std=c++17 -I{out} -o {program} {SCRIPTS}/clients.cc \
            {out}/interop.pb.cc {out}/interop.grpc.pb.cc $(pkg-config --cflags --libs grpc++ protobuf)"
    );
    run("sh", &["-c", &script])?;
    Ok(Some(Language { clients: Command::new(program), servers: None }))
}

fn left_out(language: &str, missing: &str) -> Option<Language> {
    eprintln!("xtask: what is written in {language} is left out: there is no {missing}");
    None
}
