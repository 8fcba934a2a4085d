use crate::run::{Result, run, run_with};
use crate::storage_clients::run_clients;

/// The figures and proofs of mcsv-storage that take too long for its tests.
pub(crate) fn run_storage(arguments: &[&str]) -> Result {
    match arguments {
        ["forgery", rest @ ..] => bench("forgery", rest),
        ["clients"] => run_clients(),
        ["cost"] => bench("cost", &[]),
        ["throughput", rest @ ..] => bench("throughput", rest),
        ["kills"] => kills("1000"),
        ["kills", uploads] => kills(uploads),
        _ => Err("storage takes forgery, kills, clients, cost or throughput".to_owned()),
    }
}

fn bench(name: &str, arguments: &[&str]) -> Result {
    let bench = ["bench", "--package", "mcsv-storage", "--all-features", "--bench", name, "--"];
    run("cargo", &[&bench[..], arguments].concat())
}

/// What the test of that name does with few uploads.
fn kills(uploads: &str) -> Result {
    let test = ["test", "--package", "mcsv-storage", "--all-features", "--test", "it", "--"];
    run_with("cargo", &[&test[..], &["kills::", "--nocapture"]].concat(), &[("KILLS", uploads)])
}
