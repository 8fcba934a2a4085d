//! mcsv-jobs beside bare loops and beside other queues: see this folder's README.

mod case;
mod cost;
mod idle;
mod job;
mod latency;
mod postgres;
mod retained;
mod sqlite;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "\
sqlite [word]...     jobs per second on SQLite, by default of all cases
postgres [word]...   jobs per second on PostgreSQL
latency              from an enqueue to its start, on idle workers
idle                 what idle workers ask of PostgreSQL
cost                 what the event log and the spans take
retained N           jobs per second beside N ended jobs";

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["sqlite", words @ ..] => sqlite::measure(words).await,
        ["postgres", words @ ..] => postgres::measure(words).await,
        ["latency"] => latency::measure().await,
        ["idle"] => idle::measure().await,
        ["cost"] => cost::measure().await,
        ["retained", jobs] => retained::measure(jobs.parse()?).await,
        ["enqueuer", url, times] => latency::enqueue_at(url, times.parse()?).await,
        _ => {
            eprintln!("{USAGE}");
            std::process::exit(2);
        }
    }
}
