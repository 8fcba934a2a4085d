//! mcsv-rpc beside bare hyper and beside other frameworks: see this folder's README.

mod cases;
mod child;
mod count;
mod load;
mod report;
mod servers;

#[allow(dead_code, unreachable_pub, clippy::all)]
mod messages {
    include!(concat!(env!("OUT_DIR"), "/bench.v1.rs"));
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "\
load [word]...   calls per second of the cases whose name has one of the words, by default of all
count [word]...  instructions and allocations per call, by valgrind";

fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["serve", name] => servers::serve(name),
        ["load", words @ ..] => load::measure(words),
        ["count", words @ ..] => count::measure(words),
        _ => {
            eprintln!("{USAGE}");
            std::process::exit(2);
        }
    }
}
