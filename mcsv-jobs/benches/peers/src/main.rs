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
sqlite [N] [word]...     jobs per second on SQLite, N jobs a round, by default of all cases
postgres [N] [word]...   jobs per second on PostgreSQL
latency                  from an enqueue to its start, on idle workers
idle                     what idle workers ask of their database
cost                     what the event log and the spans take
retained N               jobs per second beside N ended jobs";

/// How many jobs there are in each turn of a case where the command line does not say.
const JOBS: u32 = 20_000;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["sqlite", words @ ..] => {
            let (jobs, words) = counted(words);
            sqlite::measure(jobs, words).await
        }
        ["postgres", words @ ..] => {
            let (jobs, words) = counted(words);
            postgres::measure(jobs, words).await
        }
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

/// How many jobs, and the words after that.
fn counted<'a, 'b>(words: &'a [&'b str]) -> (u32, &'a [&'b str]) {
    let count = words.first().and_then(|word| word.parse().ok());
    count.map_or((JOBS, words), |count| (count, &words[1..]))
}
