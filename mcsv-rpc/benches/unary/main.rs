//! What the layer costs over bare hyper and prost: `cargo bench -p mcsv-rpc`.
//!
//! The servers run side by side, each on one thread, and take turns under the same load from one
//! more thread: 32 kept-alive connections, one call at a time on each, of a message with three
//! strings and a map of four entries. Each round gives every server one slice; the ratio is the
//! median over the rounds of calls per second over those of the bare server in the same round, so
//! that a machine that is busy elsewhere slows both sides of it.

mod load;
mod servers;

#[allow(dead_code, missing_docs, unreachable_pub, clippy::all)]
mod v1 {
    include!("../../tests/it/generated/echo.v1.rs");
}

use std::time::Duration;

use load::{Load, Source};

const ROUNDS: usize = 15;
const SLICE: Duration = Duration::from_millis(400);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), BoxError> {
    // `cargo test --benches` runs this too, and wants no measurement.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let bare = servers::bare()?;
    let ours = servers::ours()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let cases = runtime.block_on(async {
        Ok::<_, BoxError>([
            ("bare hyper + prost, bare client", Load::start(bare, Source::Bare).await?),
            ("mcsv-rpc server", Load::start(ours, Source::Bare).await?),
            (
                "mcsv-rpc server, with a deadline",
                Load::start(ours, Source::BareWithDeadline).await?,
            ),
            ("mcsv-rpc client, bare server", Load::start(bare, Source::Client).await?),
            ("mcsv-rpc in process", Load::start(ours, Source::InProcess).await?),
        ])
    })?;
    let mut rates = vec![Vec::new(); cases.len()];
    for round in 0..=ROUNDS {
        for (case, (_, load)) in cases.iter().enumerate() {
            let rate = runtime.block_on(load.run(SLICE))?;
            // The first round warms up.
            if round > 0 {
                rates[case].push(rate);
            }
        }
    }
    for ((name, _), rate) in cases.iter().zip(&rates) {
        let ratios = rate.iter().zip(&rates[0]).map(|(own, bare)| own / bare);
        println!("{name:34} {:>9.0} calls/s  {:.3}", median(rate.iter().copied()), median(ratios));
    }
    Ok(())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
