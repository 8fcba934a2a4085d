use std::collections::BTreeMap;

use crate::{Error, Result};

/// From a look-up in memory to a slow conversion.
const SECONDS: [f64; 16] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
];
/// 256 B to 1 GiB, each four times the last.
const BYTES: [f64; 12] = [
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
    268_435_456.0,
    1_073_741_824.0,
];
/// Counts and whatever has no unit in its name.
const OTHER: [f64; 13] =
    [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0];
/// The most bounds that one histogram may have.
const MAX_BOUNDS: usize = 64;

/// Which upper bounds a histogram has, by its name.
#[derive(Debug)]
pub(crate) struct Buckets {
    chosen: BTreeMap<String, Vec<f64>>,
}

impl Buckets {
    pub(crate) fn new(chosen: BTreeMap<String, Vec<f64>>) -> Result<Self> {
        for (metric, bounds) in &chosen {
            let grows = bounds.windows(2).all(|pair| pair[0] < pair[1]);
            let finite = bounds.iter().all(|bound| bound.is_finite());
            if !grows || !finite || bounds.is_empty() || bounds.len() > MAX_BOUNDS {
                return Err(Error::invalid(format!(
                    "with_buckets({metric:?}) is not accepted: give 1 to {MAX_BOUNDS} finite \
                     numbers that grow"
                )));
            }
        }
        Ok(Buckets { chosen })
    }

    pub(crate) fn of(&self, metric: &str) -> &[f64] {
        match self.chosen.get(metric) {
            Some(bounds) => bounds,
            None if metric.ends_with("_seconds") => &SECONDS,
            None if metric.ends_with("_bytes") => &BYTES,
            None => &OTHER,
        }
    }
}
