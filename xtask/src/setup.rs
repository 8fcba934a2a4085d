use std::path::Path;

use crate::run::{self, Result, answers};

/// What the tests use beside Rust: the program that shows it is there, and its Debian package.
///
/// Without one of them its tests check less and say so; none is needed to build.
const TOOLS: [(&str, &str); 3] =
    [("qpdf", "qpdf"), ("pdfimages", "poppler-utils"), ("pg_ctlcluster", "postgresql")];

/// Installs what is missing, where that is this command's to do: on Debian, as root.
pub(crate) fn run() -> Result {
    let missing: Vec<_> = TOOLS.iter().filter(|(program, _)| !on_path(program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<_> = missing.iter().map(|(_, package)| *package).collect();
    if !answers("apt-get", &["--version"]) || !is_root() {
        eprintln!("xtask: not installed, so that tests check less: {}", packages.join(" "));
        return Ok(());
    }
    let quiet = [("DEBIAN_FRONTEND", "noninteractive")];
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(&packages);
    let installed = run::run("apt-get", &["update", "-q"])
        .and_then(|()| run::run_with("apt-get", &install, &quiet));
    if let Err(error) = installed {
        eprintln!("xtask: {error}; going on without {}", packages.join(" "));
    }
    Ok(())
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian keeps administrators' programs where a user's PATH does not look.
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/bin".into()]);
    folders.into_iter().any(|folder| Path::new(&folder).join(program).is_file())
}

fn is_root() -> bool {
    answers("sh", &["-c", "test \"$(id -u)\" = 0"])
}
