//! A large object into a folder and out again, by this crate and by bare opendal on the same disk.
//!
//! `cargo bench -p mcsv-storage --bench throughput -- 2048 /var/tmp` writes 2 GiB into a folder under
//! `/var/tmp`. Each way runs three times, in turns, each write synced; the best is printed, and the
//! peak of resident memory over the whole run of each way.
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

    let mut best = [f64::MAX; 4];
    let mut peaks = [0_u64; 4];
    for round in 0..3 {
        for way in 0..4_usize {
            let path = folder.path().join(if way % 2 == 0 { "ours" } else { "bare" });
            reset_peak();
            let before = resident("VmRSS:");
            let begun = Instant::now();
            match way {
                0 => our_write(&path, pieces).await?,
                1 => bare_write(&path, pieces).await?,
                2 => our_read(&path, pieces).await?,
                _ => bare_read(&path, pieces).await?,
            }
            best[way] = best[way].min(begun.elapsed().as_secs_f64());
            peaks[way] = peaks[way].max(resident("VmHWM:").saturating_sub(before));
        }
        println!("round {} of 3", round + 1);
    }
    let names = ["put, SHA-256 included", "opendal write", "get", "opendal read"];
    for (way, name) in names.iter().enumerate() {
        let rate = pieces as f64 * PIECE as f64 / MIB / best[way];
        println!("{name:<24} {rate:>8.0} MiB/s, {:>6} KiB more resident memory", peaks[way]);
    }
    Ok(())
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
