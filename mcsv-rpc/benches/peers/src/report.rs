//! The tables.

use crate::cases::Case;

/// What one case did in one round.
#[derive(Clone, Copy)]
pub(crate) struct Slice {
    /// Calls per second.
    pub(crate) rate: f64,
    /// Microseconds of the server's processor per call.
    pub(crate) cpu: f64,
}

pub(crate) fn print_load(group: &str, cases: &[Case], slices: &[Vec<Slice>]) {
    println!(
        "\n{group:36} {:>8} {:>7} {:>7} {:>7} {:>7}",
        "calls/s", "paired", "p75", "CPU us", "paired"
    );
    let base = &slices[0];
    for (case, own) in cases.iter().zip(slices) {
        let rate = |slices: &[Slice]| quantile(slices.iter().map(|slice| slice.rate), 0.75);
        let pairs = own.iter().zip(base);
        println!(
            "{:36} {:>8.0} {:>7.3} {:>7.3} {:>7.2} {:>7.3}",
            case.name,
            rate(own),
            quantile(pairs.clone().map(|(own, base)| own.rate / base.rate), 0.5),
            rate(own) / rate(base),
            quantile(own.iter().map(|slice| slice.cpu), 0.5),
            quantile(pairs.map(|(own, base)| own.cpu / base.cpu), 0.5),
        );
    }
}

fn quantile(values: impl Iterator<Item = f64>, at: f64) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * at).round() as usize]
}

/// What one call of a case takes.
#[derive(Clone, Copy)]
pub(crate) struct Count {
    pub(crate) instructions: f64,
    pub(crate) allocations: f64,
}

pub(crate) fn print_count_head(group: &str) {
    println!(
        "\n{group:36} {:>12} {:>7} {:>11} {:>7}",
        "instructions", "ratio", "allocations", "more"
    );
}

pub(crate) fn print_count(case: &Case, own: Count, base: Count) {
    println!(
        "{:36} {:>12.0} {:>7.3} {:>11.1} {:>7.1}",
        case.name,
        own.instructions,
        own.instructions / base.instructions,
        own.allocations,
        own.allocations - base.allocations,
    );
}
