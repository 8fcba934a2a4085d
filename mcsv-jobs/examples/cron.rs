//! When a schedule ticks: `cargo run -p mcsv-jobs --example cron -- "30 2 * * *" Europe/Berlin`
//! prints the next ten ticks, in UTC and as the clock on the wall has them.

use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use mcsv_jobs::{BoxError, Cron};

fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (expr, zone) = match &arguments[..] {
        [] => ("30 2 * * *", "Europe/Berlin"),
        [expr] => (expr.as_str(), "UTC"),
        [expr, zone] => (expr.as_str(), zone.as_str()),
        _ => {
            return Err(
                "give an expression and a zone, such as \"0 6 * * *\" Asia/Kathmandu".into()
            );
        }
    };
    let cron = Cron::new(expr)?.in_zone(zone)?;
    let wall: TimeZone = TimeZoneDatabase::bundled().get(zone)?;

    let first = cron.next_after(SystemTime::now());
    for tick in std::iter::successors(first, |at| cron.next_after(*at)).take(10) {
        let tick = Timestamp::try_from(tick)?;
        println!("{tick}  {}", tick.to_zoned(wall.clone()));
    }
    Ok(())
}
