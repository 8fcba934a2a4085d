//! A server that is killed while uploads go wrong in every way: no part of one is ever seen.
//!
//! `KILLS=1000` sets how many uploads, `KILLS_SEED` which; `cargo xtask storage kills` does so.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use mcsv_storage::{ObjectKey, Signer, SigningKeys, Store};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use crate::faulty_upload::{Fault, FaultyUpload, Progress};
use crate::processes::again;
use crate::random::Random;
use crate::server::{listen, serve};

const TEST: &str = "kills::no_part_of_an_upload_is_seen_after_kills_and_faults";
const FOLDER: &str = "MCSV_STORAGE_KILLS_FOLDER";
/// How many uploads one server takes until it is killed.
const AT_ONCE: usize = 20;

#[test]
fn no_part_of_an_upload_is_seen_after_kills_and_faults() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match env::var(FOLDER) {
        Ok(folder) => runtime.block_on(be_killed(&folder)),
        Err(_) => runtime.block_on(kill()),
    }
}

async fn kill() {
    let set = |name| env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let count = usize::try_from(set("KILLS").unwrap_or(60)).unwrap();
    let seed = set("KILLS_SEED").unwrap_or(u64::from(std::process::id()));
    let folder = tempfile::tempdir().unwrap();
    let (store, signer) = world(folder.path());
    let mut random = Random(seed);
    let mut sent: Vec<FaultyUpload> = Vec::new();
    let mut stored = BTreeSet::new();
    let mut outcomes: BTreeMap<_, u32> = BTreeMap::new();
    let mut kills = 0;
    while sent.len() < count {
        let uploads: Vec<_> =
            (0..AT_ONCE).map(|n| FaultyUpload::new(sent.len() + n, &mut random)).collect();
        let server = Server::start(folder.path());
        let sending = send_until_killed(&uploads, server, &signer, &mut random, kills);
        for (upload, status) in sending.await {
            *outcomes.entry((upload.fault, status)).or_default() += 1;
            if status == Some(200) {
                assert_eq!(upload.fault, Fault::Honest, "{} was taken, seed {seed}", upload.key);
                stored.insert(upload.key);
            }
        }
        sent.extend(uploads);
        kills += 1;
    }
    let left = fs::read_dir(folder.path().join(".partial")).unwrap().count();
    println!("{count} uploads, seed {seed}, {kills} kills: {left} leftovers, {outcomes:?}");

    let seen = seen(&store, &sent).await;
    assert!(stored.is_subset(&seen), "a stored object is gone, seed {seed}");
    assert!(left > 0, "no kill came half-way, seed {seed}");
    assert!(!stored.is_empty(), "every kill came before the first answer, seed {seed}");
    sweep_twice_at_once(folder.path(), &store, left).await;
    assert_eq!(self::seen(&store, &sent).await, seen);
}

fn world(folder: &Path) -> (Store, Signer) {
    let store = Store::from_url(&format!("fs://{}", folder.display())).unwrap();
    let keys = SigningKeys::parse("k:bm90LWEtcmVhbC1rZXktYnV0LTMyLWJ5dGVzLWxvbmc=").unwrap();
    let signer = store.signer(keys).with_public_base("http://h").unwrap();
    (store, signer)
}

/// Sends all at once, and kills the server when some pieces are under way or some answers came.
async fn send_until_killed(
    uploads: &[FaultyUpload],
    mut server: Server,
    signer: &Signer,
    random: &mut Random,
    kills: usize,
) -> Vec<(FaultyUpload, Option<u16>)> {
    let (pieces, mut some_pieces) = mpsc::unbounded_channel();
    let (answers, mut some_answers) = mpsc::unbounded_channel();
    let progress = Progress { pieces, answers };
    let sending: Vec<_> = uploads
        .iter()
        .map(|upload| {
            let (upload, signer, progress) = (upload.clone(), signer.clone(), progress.clone());
            let address = server.address;
            tokio::spawn(async move {
                let status = upload.send(address, &signer, progress).await;
                (upload, status)
            })
        })
        .collect();
    drop(progress);
    let answered = uploads.iter().filter(|upload| upload.is_answered()).count();
    let (events, until) = match (kills, random.below(2)) {
        // For once everything that is answered may be.
        (0, _) => (&mut some_answers, answered),
        (_, 0) => (&mut some_answers, random.below(answered + 1)),
        // An upload has some 20 pieces, which the sockets take faster than the server does.
        _ => (&mut some_pieces, random.below(uploads.len() * 16)),
    };
    for _ in 0..until {
        if events.recv().await.is_none() {
            break;
        }
    }
    server.kill();
    let mut outcomes = Vec::new();
    for upload in sending {
        outcomes.push(upload.await.unwrap());
    }
    outcomes
}

/// Every object that can be seen, each of which must be whole.
async fn seen(store: &Store, sent: &[FaultyUpload]) -> BTreeSet<ObjectKey> {
    let sent: BTreeMap<_, _> = sent.iter().map(|upload| (&upload.key, upload)).collect();
    let mut seen = BTreeSet::new();
    let mut after = None;
    loop {
        let list = store.list();
        let page = match after {
            Some(token) => list.page_token(token).await.unwrap(),
            None => list.await.unwrap(),
        };
        for object in page.objects {
            let upload = sent[&object.key];
            assert_eq!(upload.fault, Fault::Honest, "{} is there", object.key);
            let content = store.get(&object.key).await.unwrap().bytes(1 << 20).await.unwrap();
            assert!(content == upload.content, "{} is not whole", object.key);
            let sha256 = store.stat(&object.key).await.unwrap().sha256;
            assert_eq!(sha256, Some(Sha256::digest(&content).into()));
            seen.insert(object.key);
        }
        after = page.next;
        if after.is_none() {
            return seen;
        }
    }
}

async fn sweep_twice_at_once(folder: &Path, store: &Store, left: usize) {
    assert_eq!(store.sweep_partial(Duration::from_secs(3600)).await.unwrap(), 0);
    let sweeps = [(); 2].map(|()| {
        let (store, _) = world(folder);
        tokio::spawn(async move { store.sweep_partial(Duration::ZERO).await })
    });
    let mut removed = 0;
    for sweep in sweeps {
        removed += sweep.await.unwrap().unwrap();
    }
    assert_eq!(usize::try_from(removed).unwrap(), left);
    assert_eq!(fs::read_dir(folder.join(".partial")).unwrap().count(), 0);
}

/// This test in a process of its own, as the server.
struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let mut command = again(&[], TEST, FOLDER, folder.to_str().unwrap());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines.map_while(|line| line.ok()).find_map(|line| {
            line.strip_prefix("listening at ").map(|address| address.parse().unwrap())
        });
        Server { process, address: address.unwrap() }
    }

    /// SIGKILL: nothing in the process hears of it.
    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

async fn be_killed(folder: &str) {
    // Without its parent the server has no use.
    std::thread::spawn(|| {
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(1);
    });
    let (listener, address) = listen().await;
    serve(listener, world(Path::new(folder)).1.service()).await;
    // Behind the words of the test runner, which has no line end there.
    println!("\nlistening at {address}");
    std::future::pending::<()>().await;
}
