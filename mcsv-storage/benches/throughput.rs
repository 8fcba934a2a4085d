//! A large object into a folder and out again, by this crate and by bare opendal on the same disk.
//!
//! `cargo bench -p mcsv-storage --bench throughput -- 2048 /var/tmp` writes 2 GiB into a folder under
//! `/var/tmp`, each write synced, five times each way. Ours and theirs take turns at being first,
//! and are compared within a round, so that what else the machine does falls on both alike. The
//! medians are printed, and the peak of resident memory of each way.
//!
//! opendal is given what this crate gives by itself: a write aside and a rename.

use std::error::Error;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use mcsv_storage::{ObjectKey, Store};
use opendal::{Operator, services};
use tokio::time::Instant;

type Outcome<T> = Result<T, Box<dyn Error>>;

const PIECE: usize = 256 * 1024;
const ROUNDS: usize = 5;
const MIB: f64 = 1024.0 * 1024.0;

#[tokio::main]
async fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().collect();
    let mib = words.iter().find_map(|word| word.parse().ok()).unwrap_or(2048_u64);
    let parent = words.iter().skip(1).find(|word| Path::new(word).is_dir());
    let parent = parent.map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::Builder::new().prefix("throughput-").tempdir_in(parent)?;
    println!("{mib} MiB in pieces of 256 KiB, {}", folder.path().display());
    let pieces = mib * 4;

    let mut ways = [WRITE, BARE_WRITE, READ, BARE_READ].map(Way::new);
    let mut ratios = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS {
        let order = if round % 2 == 0 { [0, 1, 2, 3] } else { [1, 0, 3, 2] };
        for at in order {
            let path = folder.path().join(if at % 2 == 0 { "ours" } else { "bare" });
            ways[at].measure(&path, pieces).await?;
        }
        for (ratio, [ours, bare]) in ratios.iter_mut().zip([[0, 1], [2, 3]]) {
            ratio.push(ways[bare].last() / ways[ours].last());
        }
        println!(
            "round {} of {ROUNDS}: in {:.2}, out {:.2}",
            round + 1,
            ratios[0][round],
            ratios[1][round]
        );
    }
    for way in ways {
        let rate = pieces as f64 * PIECE as f64 / MIB / median(way.seconds);
        println!("{:<24} {rate:>8.0} MiB/s, {:>6} KiB more resident memory", way.name, way.peak);
    }
    let [written, read] = ratios.map(median);
    println!("of what opendal does alone: in {written:.2}, out {read:.2}");
    Ok(())
}

const WRITE: &str = "put, SHA-256 included";
const BARE_WRITE: &str = "opendal write";
const READ: &str = "get";
const BARE_READ: &str = "opendal read";

/// One way of moving the object, and what it took so far.
struct Way {
    name: &'static str,
    seconds: Vec<f64>,
    peak: u64,
}

impl Way {
    fn new(name: &'static str) -> Self {
        Way { name, seconds: Vec::new(), peak: 0 }
    }

    async fn measure(&mut self, path: &Path, pieces: u64) -> Outcome<()> {
        reset_peak();
        let before = resident("VmRSS:");
        let begun = Instant::now();
        match self.name {
            WRITE => our_write(path, pieces).await?,
            BARE_WRITE => bare_write(path, pieces).await?,
            READ => our_read(path, pieces).await?,
            _ => bare_read(path, pieces).await?,
        }
        self.seconds.push(begun.elapsed().as_secs_f64());
        self.peak = self.peak.max(resident("VmHWM:").saturating_sub(before));
        Ok(())
    }

    fn last(&self) -> f64 {
        self.seconds.last().copied().unwrap_or(f64::NAN)
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn piece() -> Bytes {
    // Bytes that a disk can't squeeze into nothing.
    let mut state = 1_u32;
    (0..PIECE)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .collect()
}

async fn our_write(path: &Path, pieces: u64) -> Outcome<()> {
    let store = Store::from_url(&format!("fs://{}", path.display()))?;
    let piece = piece();
    let body = stream::iter(0..pieces).map(move |_| Ok::<_, std::io::Error>(piece.clone()));
    let written = store.put_stream(&ObjectKey::parse("large")?, body).await?;
    expect(written.len, pieces)
}

async fn bare_write(path: &Path, pieces: u64) -> Outcome<()> {
    let piece = piece();
    let mut writer = bare(path)?.writer("large").await?;
    for _ in 0..pieces {
        writer.write(piece.clone()).await?;
    }
    writer.close().await?;
    Ok(())
}

async fn our_read(path: &Path, pieces: u64) -> Outcome<()> {
    let store = Store::from_url(&format!("fs://{}", path.display()))?;
    let mut stream = store.get(&ObjectKey::parse("large")?).await?.into_stream();
    let mut len = 0;
    while let Some(piece) = stream.next().await {
        len += piece?.len() as u64;
    }
    expect(len, pieces)
}

async fn bare_read(path: &Path, pieces: u64) -> Outcome<()> {
    let reader = bare(path)?.reader_with("large").chunk(PIECE).await?;
    let mut stream = reader.into_bytes_stream(..).await?;
    let mut len = 0;
    while let Some(piece) = stream.next().await {
        len += piece?.len() as u64;
    }
    expect(len, pieces)
}

fn bare(path: &Path) -> Outcome<Operator> {
    let root = path.to_str().ok_or("the folder's name is not UTF-8")?;
    let aside = format!("{root}-aside");
    Ok(Operator::new(services::Fs::default().root(root).atomic_write_dir(&aside))?)
}

fn expect(len: u64, pieces: u64) -> Outcome<()> {
    let all = pieces * PIECE as u64;
    if len == all { Ok(()) } else { Err(format!("{len} of {all} bytes").into()) }
}

/// Starts the kernel's record of the peak anew; elsewhere than on Linux there is none.
fn reset_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// A line of the process's status, in KiB.
fn resident(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let value = status.lines().find_map(|text| text.strip_prefix(line));
    value.and_then(|text| text.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
