//! Cases that take turns, and the table of what they did.

use std::pin::Pin;
use std::time::Duration;

use crate::BoxError;

/// How often every case has its turn.
const ROUNDS: usize = 5;

pub(crate) type Turn = Pin<Box<dyn Future<Output = Result<Took, BoxError>> + Send>>;

/// One queue, with one setting. It is given how many jobs there are to be, and may take fewer.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) run: fn(u32) -> Turn,
}

/// What one turn of a case did.
pub(crate) struct Took {
    pub(crate) jobs: u32,
    pub(crate) time: Duration,
}

impl Took {
    fn rate(&self) -> f64 {
        f64::from(self.jobs) / self.time.as_secs_f64()
    }
}

/// Runs the first case, which the others are compared with, and those whose name has one of the
/// words.
pub(crate) async fn measure(
    title: &str,
    cases: &[Case],
    jobs: u32,
    words: &[&str],
) -> Result<(), BoxError> {
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word));
    let chosen = cases.iter().enumerate().filter(|(index, case)| *index == 0 || wanted(case.name));
    let cases: Vec<&Case> = chosen.map(|(_, case)| case).collect();
    let mut rates = vec![Vec::new(); cases.len()];
    for round in 1..=ROUNDS {
        for (case, rates) in cases.iter().zip(&mut rates) {
            let rate =
                (case.run)(jobs).await.map_err(|error| format!("{}: {error}", case.name))?.rate();
            eprintln!("round {round}: {:40} {rate:>9.0} /s", case.name);
            rates.push(rate);
        }
    }
    println!("\n{title:44} {:>10} {:>8}", "median /s", "paired");
    for (case, own) in cases.iter().zip(&rates) {
        let pairs = own.iter().zip(&rates[0]).map(|(own, base)| own / base);
        println!("{:44} {:>10.0} {:>8.2}", case.name, median(own.iter().copied()), median(pairs));
    }
    Ok(())
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    quantile(values, 0.5)
}

pub(crate) fn quantile(values: impl Iterator<Item = f64>, at: f64) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * at).round() as usize]
}
