//! The fuzz targets without libFuzzer: each reads its corpus and seeded mutations of it.
//!
//! The mutations are the same in each run. `FUZZ_SEED` sets others, `FUZZ_MUTATIONS` how many;
//! `cargo xtask fuzz` looks deeper, guided by coverage.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

#[path = "../../fuzz/src/targets/mod.rs"]
#[allow(unreachable_pub, missing_docs)]
mod targets;

#[test]
fn no_bytes_break_the_json_reader() {
    check("json", 3_000, targets::json::run);
}

#[test]
fn no_protobuf_breaks_its_json_form() {
    check("protobuf", 3_000, targets::protobuf::run);
}

#[test]
fn no_request_breaks_the_router() {
    check("request", 3_000, targets::request::run);
}

#[test]
fn no_answer_breaks_the_client() {
    check("response", 3_000, targets::response::run);
}

#[test]
fn no_bytes_break_a_connection() {
    check("connection", 200, targets::connection::run);
}

#[test]
fn no_header_breaks_the_ground_floor() {
    check("core", 3_000, targets::core::run);
}

#[track_caller]
fn check(target: &str, mutations: u64, run: fn(&[u8])) {
    let corpus = corpus(target);
    for input in &corpus {
        read(target, run, input);
    }
    let set = |name| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let seed = set("FUZZ_SEED").unwrap_or(1);
    let mutations = set("FUZZ_MUTATIONS").unwrap_or(mutations);
    let mut random = Random(seed);
    for _ in 0..mutations {
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

/// What parsers stumble over, to be put anywhere.
const TOKENS: [&[u8]; 16] = [
    b"\0",
    b"\xff\xff\xff\xff",
    b"\x80",
    b"\xc3\x28",
    b"\"",
    b"\\u",
    b"\\ud800",
    b"{",
    b"[",
    b"%",
    b"%zz",
    b"-",
    b"1e999",
    b"99999999999999999999",
    b"\n\n",
    b": ",
];

fn mutated(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let end = at + random.below((bytes.len() - at).min(16) + 1);
        match random.below(7) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let again = bytes[at..end].to_vec();
                bytes.splice(at..at, again);
            }
            3 => {
                let token = TOKENS[random.below(TOKENS.len())];
                bytes.splice(at..at, token.iter().copied());
            }
            4 => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len() + 1);
                bytes.splice(at.., other[from..].iter().copied());
            }
            5 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            _ if at < bytes.len() => bytes[at] = random.below(256) as u8,
            _ => {}
        }
    }
    bytes
}

/// SplitMix64: small, and enough to pick places.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }
}
