//! Changes signed requests at random and counts how many the service accepts: none may be. Then
//! makes honest ones, of which it must accept all.
//!
//! `cargo bench -p mcsv-storage --bench forgery -- 1000000 SEED`, or `cargo xtask storage forgery`
//!
//! Exits with 1 if a forged one was accepted or an honest one refused. A tenth as many honest ones
//! are made. The seed is printed; the same one repeats a run.

use std::error::Error;
use std::process::ExitCode;

#[path = "../tests/it/forgery.rs"]
mod forgery;
#[path = "../tests/it/mutation.rs"]
mod mutation;
#[path = "../tests/it/random.rs"]
mod random;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    // cargo adds its own `--bench`.
    let mut numbers = std::env::args().filter_map(|word| word.parse::<u64>().ok());
    let count = numbers.next().unwrap_or(1_000_000);
    let seed = numbers.next().unwrap_or_else(|| u64::from(std::process::id()));
    println!("{count} forged requests, seed {seed}");
    let accepted = forgery::accepted(count, seed).await?;
    accepted.iter().for_each(|what| println!("accepted: {what}"));
    println!("{count} forged, {} accepted", accepted.len());

    let honest = count.div_ceil(10);
    let refused = forgery::refused(honest, seed).await?;
    refused.iter().for_each(|what| println!("refused: {what}"));
    println!("{honest} honest, {} refused", refused.len());
    let holds = accepted.is_empty() && refused.is_empty();
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
