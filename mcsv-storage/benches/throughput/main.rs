//! A large object into a folder and out again, by this crate, by its signed URLs over HTTP, and by
//! bare opendal on the same disk.
//!
//! `cargo bench -p mcsv-storage --bench throughput -- 2048 /var/tmp` writes 2 GiB into a folder under
//! `/var/tmp`, each write synced, five times each way, or as often as a second number says. The ways
//! take turns at being first, and are compared within a round, so that what else the machine does
//! falls on all alike. The medians are printed, and the peak of resident memory of each way: over
//! HTTP that of server and client together, which share the process and the processors.
//!
//! opendal is given what this crate gives by itself: a write aside and a rename.

mod relay;

use std::error::Error;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use mcsv_storage::{ObjectKey, Store};
use opendal::{Operator, services};
use tokio::time::Instant;

type Outcome<T> = Result<T, Box<dyn Error>>;

const PIECE: usize = 256 * 1024;

/// The ways in, then the ways out; the last of each is what the others are compared with.
const WAYS: [&[&str]; 2] =
    [&[WRITE, SIGNED_PUT, BARE_WRITE], &[READ, SIGNED_GET, BARE_GET, BARE_READ]];
const WRITE: &str = "put, SHA-256 included";
const SIGNED_PUT: &str = "signed PUT, SHA-256 too";
const BARE_WRITE: &str = "opendal write";
const READ: &str = "get";
const SIGNED_GET: &str = "signed GET";
const BARE_GET: &str = "GET of opendal's reader";
const BARE_READ: &str = "opendal read";

#[tokio::main]
async fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut numbers = words.iter().filter_map(|word| word.parse::<u64>().ok());
    let (mib, rounds) = (numbers.next().unwrap_or(2048), numbers.next().unwrap_or(5));
    let parent = words.iter().find(|word| Path::new(word).is_dir());
    let parent = parent.map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::Builder::new().prefix("throughput-").tempdir_in(parent)?;
    println!("{mib} MiB in pieces of 256 KiB, {rounds} rounds, {}", folder.path().display());

    let mut ways = WAYS.map(|names| names.iter().copied().map(Way::new).collect::<Vec<_>>());
    for round in 0..rounds {
        for direction in &mut ways {
            for turn in 0..direction.len() {
                let at = (turn + usize::try_from(round)?) % direction.len();
                let way = &mut direction[at];
                way.measure(&folder.path().join(way.folder()), mib * 4).await?;
            }
        }
    }
    for direction in &ways {
        let Some(bare) = direction.last() else { continue };
        for way in direction {
            let rate = mib as f64 / median(way.seconds.clone());
            let ratios: Vec<f64> =
                bare.seconds.iter().zip(&way.seconds).map(|(b, w)| b / w).collect();
            let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
            println!(
                "{:<24} {rate:>6.0} MiB/s, {:.2} of opendal's in the same round, at least {least:.2}, \
                 {:>6} KiB more resident memory",
                way.name,
                median(ratios),
                way.peak
            );
        }
    }
    Ok(())
}

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

    /// Where the object of this way is.
    fn folder(&self) -> &'static str {
        match self.name {
            WRITE | READ => "ours",
            SIGNED_PUT | SIGNED_GET => "signed",
            _ => "bare",
        }
    }

    async fn measure(&mut self, path: &Path, pieces: u64) -> Outcome<()> {
        reset_peak();
        let before = resident("VmRSS:");
        let begun = Instant::now();
        match self.name {
            WRITE => our_write(path, pieces).await?,
            SIGNED_PUT => relay::write(path, pieces).await?,
            BARE_WRITE => bare_write(path, pieces).await?,
            READ => our_read(path, pieces).await?,
            SIGNED_GET => relay::read(path, pieces).await?,
            BARE_GET => relay::bare_read(path, pieces).await?,
            _ => bare_read(path, pieces).await?,
        }
        self.seconds.push(begun.elapsed().as_secs_f64());
        self.peak = self.peak.max(resident("VmHWM:").saturating_sub(before));
        Ok(())
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
    let piece = piece();
    let body = stream::iter(0..pieces).map(move |_| Ok::<_, std::io::Error>(piece.clone()));
    let written = store(path)?.put_stream(&ObjectKey::parse("large")?, body).await?;
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
    let mut stream = store(path)?.get(&ObjectKey::parse("large")?).await?.into_stream();
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

fn store(path: &Path) -> Outcome<Store> {
    Ok(Store::from_url(&format!("fs://{}", path.display()))?)
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
