use std::fs;
use std::path::Path;
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

/// What Debian installs of `libgrpc-java`, `libnetty-tcnative-java`, `libprotobuf-java` and
/// `libgoogle-gson-java`, and what they need.
const JARS: [&str; 24] = [
    "error_prone_annotations",
    "geronimo-annotation-1.3-spec",
    "grpc-api",
    "grpc-context",
    "grpc-core",
    "grpc-netty",
    "grpc-protobuf",
    "grpc-protobuf-lite",
    "grpc-stub",
    "gson",
    "guava",
    "netty-buffer",
    "netty-codec",
    "netty-codec-http",
    "netty-codec-http2",
    "netty-common",
    "netty-handler",
    "netty-resolver",
    "netty-tcnative",
    "netty-transport",
    "netty-transport-native-unix-common",
    "perfmark-api",
    "protobuf",
    "protobuf-util",
];

/// Debian has all of it in the packages above, `libperfmark-java`, `libnetty-tcnative-jni`,
/// `default-jdk-headless` and `protobuf-compiler-grpc-java-plugin`.
pub(super) fn java() -> Result<Option<Language>> {
    let jars = JARS.map(|name| format!("/usr/share/java/{name}.jar"));
    // OpenSSL for netty, since Debian's netty has no ALPN by the JDK.
    let native = "find /usr/lib -name libnetty-tcnative.so | grep .";
    let there = answers("javac", &["-version"])
        && answers("protoc", &["--version"])
        && answers("sh", &["-c", "command -v grpc_java_plugin"])
        && answers("sh", &["-c", native])
        && jars.iter().all(|jar| Path::new(jar).exists());
    if !there {
        return Ok(left_out("Java", "javac, protoc, grpc_java_plugin or a jar of grpc-java"));
    }
    let (out, classes) = (format!("{FOLDER}/generated/java"), format!("{FOLDER}/java"));
    let path = format!("{classes}:{}", jars.join(":"));
    // Netty looks for the library under another name, and a link keeps Debian's.
    let script = format!(
        "set -e
        mkdir -p {out} {classes}
        cp \"$({native})\" {classes}/libnetty_tcnative.so
        protoc -I{SCRIPTS} --java_out={out} --grpc-java_out={out} \
            --plugin=protoc-gen-grpc-java=\"$(command -v grpc_java_plugin)\" {SCRIPTS}/interop.proto
        javac -nowarn -cp {path} -d {classes} {out}/interop/v1/*.java {SCRIPTS}/java/*.java"
    );
    run("sh", &["-c", &script])?;
    let program = |name: &str| {
        let mut command = Command::new("java");
        command.args(["-cp", &path, name]).env("LD_LIBRARY_PATH", &classes);
        command
    };
    Ok(Some(Language { clients: program("Clients"), servers: Some(program("Servers")) }))
}

/// Debian has all of it in `golang-google-grpc-dev` and `protoc-gen-go-1-3`.
pub(super) fn go() -> Result<Option<Language>> {
    const LIBRARIES: &str = "/usr/share/gocode";
    let there = answers("go", &["version"])
        && answers("protoc", &["--version"])
        && answers("sh", &["-c", "command -v protoc-gen-go"])
        && Path::new(LIBRARIES).join("src/google.golang.org/grpc").exists();
    if !there {
        return Ok(left_out("Go", "go, protoc, protoc-gen-go or grpc-go"));
    }
    let (home, program) = (format!("{FOLDER}/go"), format!("{FOLDER}/go/clients"));
    // What Debian ships are sources for a GOPATH, without modules.
    let script = format!(
        "set -e
        mkdir -p {home}/src/interop
        protoc -I{SCRIPTS} --go_out={home}/src/interop --go_opt=plugins=grpc,import_path=interop \
            --go_opt=Mgoogle/protobuf/timestamp.proto=github.com/golang/protobuf/ptypes/timestamp \
            {SCRIPTS}/interop.proto
        GO111MODULE=off GOFLAGS= GOPATH=\"$PWD/{home}:{LIBRARIES}\" \
            go build -o {program} {SCRIPTS}/clients.go"
    );
    run("sh", &["-c", &script])?;
    Ok(Some(Language { clients: Command::new(program), servers: None }))
}

fn left_out(language: &str, missing: &str) -> Option<Language> {
    eprintln!("xtask: what is written in {language} is left out: there is no {missing}");
    None
}
