//! The fuzz targets without libFuzzer: each reads its corpus and seeded mutations of it.
//!
//! The mutations are the same in each run. `FUZZ_SEED` sets others, `FUZZ_MUTATIONS` how many;
//! `cargo xtask fuzz` looks deeper, guided by coverage.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use crate::random::Random;

#[path = "../../fuzz/src/targets/mod.rs"]
#[allow(unreachable_pub, missing_docs)]
mod targets;

#[test]
fn no_text_makes_a_key_that_leaves_its_folder() {
    check("key", 20_000, targets::key::run);
}

#[test]
fn no_url_breaks_its_readers() {
    check("url", 1_000, targets::url::run);
}

#[test]
fn no_bytes_make_a_token() {
    check("token", 2_000, targets::token::run);
}

#[test]
fn no_request_breaks_the_service() {
    check("signed", 3_000, targets::signed::run);
}

#[track_caller]
fn check(target: &str, mutations: u64, run: fn(&[u8])) {
    let corpus = corpus(target);
    for input in &corpus {
        read(target, run, input);
    }
    let set = |name| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let seed = set("FUZZ_SEED").unwrap_or(1);
    let mut random = Random(seed);
    for _ in 0..set("FUZZ_MUTATIONS").unwrap_or(mutations) {
        let input = mutated(&corpus, &mut random);
        read(&format!("{target} with FUZZ_SEED={seed}"), run, &input);
    }
}

/// Shows the input where it breaks something.
fn read(what: &str, run: fn(&[u8]), input: &[u8]) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(input))) {
        eprintln!("{what} broke on b\"{}\"", input.escape_ascii());
        resume_unwind(panic);
    }
}

/// In the order of the names, so that a seed means the same everywhere.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{target} has no corpus");
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// What such texts are made of, to be put anywhere.
const TOKENS: [&[u8]; 20] = [
    b"\0",
    b"\xff\xff\xff\xff",
    b"%2e%2e",
    b"%2F",
    b"..",
    b"/",
    b"\\",
    b"?",
    b"#",
    b"@",
    b":",
    b"&sig=SIG",
    b"SIG",
    b"[::1]",
    b"0x7f",
    b"99999999999999999999",
    b"\n\n",
    b": ",
    b"bytes=",
    b"=",
];

fn mutated(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let end = at + random.below((bytes.len() - at).min(16) + 1);
        match random.below(6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let token = TOKENS[random.below(TOKENS.len())];
                bytes.splice(at..at, token.iter().copied());
            }
            3 => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len() + 1);
                bytes.splice(at.., other[from..].iter().copied());
            }
            4 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            _ if at < bytes.len() => bytes[at] = u8::try_from(random.below(256)).unwrap(),
            _ => {}
        }
    }
    bytes
}
