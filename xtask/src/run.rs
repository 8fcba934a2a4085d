use std::process::{Command, Stdio};

pub(crate) type Result<T = ()> = std::result::Result<T, String>;

/// Runs a program to its end with its output shown.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result {
    run_with(program, arguments, &[])
}

/// Like [`run`], with more in its environment.
pub(crate) fn run_with(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Result {
    eprintln!("+ {program} {}", arguments.join(" "));
    let status = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .status()
        .map_err(|error| format!("{program} can't be run: {error}"))?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{program} {} ended with {status}", arguments.join(" "))),
    }
}

/// Whether a program answers to these arguments.
pub(crate) fn answers(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Python in an environment at `home`, with the packages that the file `list` names.
pub(crate) fn python_with(home: &str, list: &str) -> Result<String> {
    run("python3", &["-m", "venv", home])?;
    let python = format!("{home}/bin/python");
    run(&python, &["-m", "pip", "install", "--quiet", "--requirement", list])?;
    Ok(python)
}
