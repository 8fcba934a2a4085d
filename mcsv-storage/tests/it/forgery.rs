//! Forged requests, none of which may be accepted, and honest ones, all of which must be.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::{Method, Request, Uri};
use http_body_util::Full;
use mcsv_storage::{ObjectKey, SignedRequest, Signer, SigningKeys, Store};
use tower::ServiceExt;

use crate::mutation::Mutator;
use crate::random::Random;

type Outcome<T> = Result<T, Box<dyn Error>>;

const BASE: &str = "http://host/files";
const NOW: u64 = 1_800_000_000;
const CONTENT: &str = "hello";

/// What every request of this module meets: a clock that is set by hand, and the objects.
struct World {
    signer: Signer,
    keys: Vec<ObjectKey>,
    clock: Arc<AtomicU64>,
}

impl World {
    async fn new() -> Outcome<Self> {
        let store = Store::from_url("memory:")?;
        let keys = ["a/b.txt", "a/c.txt", "k"].map(ObjectKey::parse);
        let keys = keys.into_iter().collect::<Result<Vec<_>, _>>()?;
        // An absent object would hide that a link to it passed.
        for key in &keys {
            store.put(key, CONTENT).content_type("text/plain").await?;
        }
        let clock = Arc::new(AtomicU64::new(NOW));
        let now = Arc::clone(&clock);
        let signer = store.signer(SigningKeys::random()?).with_public_base(BASE)?;
        let signer = signer
            .with_clock(move || UNIX_EPOCH + Duration::from_secs(now.load(Ordering::Relaxed)));
        Ok(World { signer, keys, clock })
    }

    fn set_clock(&self, second: u64) {
        self.clock.store(second, Ordering::Relaxed);
    }

    /// A link of random demands, all of which [`send`](Self::send) fulfils.
    fn link(&self, random: &mut Random, life: u64) -> Outcome<SignedRequest> {
        let key = &self.keys[random.below(self.keys.len())];
        let life = Duration::from_secs(life);
        if random.below(2) == 0 {
            let mut get = self.signer.presign_get(key).expires_in(life);
            if random.below(2) == 0 {
                get = get.filename("report.pdf");
            }
            if random.below(2) == 0 {
                get = get.content_type("application/pdf");
            }
            return Ok(get.sign()?);
        }
        let mut put = self.signer.presign_put(key).expires_in(life);
        if random.below(2) == 0 {
            put = put.content_type("text/plain");
        }
        match random.below(3) {
            0 => put = put.exact_len(CONTENT.len() as u64),
            1 => put = put.max_len(CONTENT.len() as u64 + random.next() % 100),
            _ => {}
        }
        Ok(put.sign()?)
    }

    async fn send(&self, method: &Method, uri: Uri) -> Outcome<u16> {
        let body = if *method == Method::PUT { CONTENT } else { "" };
        let mut request = Request::builder().method(method).uri(uri);
        if *method == Method::PUT {
            request = request.header("content-type", "text/plain");
        }
        let request = request.body(Full::from(Bytes::from(body)))?;
        let Ok(answer) = self.signer.service().oneshot(request).await;
        Ok(answer.status().as_u16())
    }
}

/// Sends `count` requests that nobody signed, and answers with those that were accepted.
pub(crate) async fn accepted(count: u64, seed: u64) -> Outcome<Vec<String>> {
    let world = World::new().await?;
    let stranger = World::new().await?;
    let mut random = Random(seed);
    let mut genuine = Vec::new();
    for _ in 0..24 {
        genuine.push(world.link(&mut random, 60)?);
    }
    let urls = genuine.iter().map(|link| link.url().to_owned()).collect();
    let mut mutator = Mutator::new(seed, urls);
    let mut accepted = Vec::new();
    let mut sent = 0;
    while sent < count {
        world.set_clock(NOW);
        let link = &genuine[random.below(genuine.len())];
        let (how, method, url) = match random.below(16) {
            // The one instant at which a right link is no longer right, and the next.
            0 => {
                world.set_clock(NOW + 60 + random.next() % 2);
                ("expired", link.method().clone(), link.url().to_owned())
            }
            1 => {
                ("another method", other_method(link.method(), &mut random), link.url().to_owned())
            }
            2 => {
                let link = stranger.link(&mut random, 60)?;
                ("another secret", link.method().clone(), link.url().to_owned())
            }
            3 => ("another object", link.method().clone(), moved(link.url(), &mut random)),
            4 => ("another spelling", link.method().clone(), mutator.respelled()),
            _ => {
                let methods = [Method::GET, Method::HEAD, Method::PUT];
                let method = methods[random.below(3)].clone();
                let url = if random.below(3) == 0 { mutator.inside() } else { mutator.next() };
                ("changed", method, url)
            }
        };
        let Ok(uri) = url.parse::<Uri>() else { continue };
        sent += 1;
        let status = world.send(&method, uri).await?;
        // Whatever else there is would have come after the signature was found right.
        if !matches!(status, 403..=405) {
            accepted.push(format!("{how}: {method} {url}: {status}"));
        }
    }
    Ok(accepted)
}

/// HEAD goes with GET and with nothing else.
fn other_method(method: &Method, random: &mut Random) -> Method {
    const OTHERS: [Method; 5] =
        [Method::POST, Method::DELETE, Method::PATCH, Method::OPTIONS, Method::CONNECT];
    match random.below(3) {
        0 if *method == Method::PUT => [Method::GET, Method::HEAD][random.below(2)].clone(),
        0 => Method::PUT,
        _ => OTHERS[random.below(OTHERS.len())].clone(),
    }
}

/// The token of one object at another that exists.
fn moved(url: &str, random: &mut Random) -> String {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let others = ["/files/a/b.txt", "/files/a/c.txt", "/files/k"];
    let others: Vec<_> = others.iter().filter(|other| !path.ends_with(*other)).collect();
    format!("http://host{}?{query}", others[random.below(others.len())])
}

/// Makes `count` honest requests, each used at a random second of its life, the last one included,
/// and answers with those that were refused.
pub(crate) async fn refused(count: u64, seed: u64) -> Outcome<Vec<String>> {
    let world = World::new().await?;
    let mut random = Random(seed);
    let mut refused = Vec::new();
    for _ in 0..count {
        world.set_clock(NOW);
        let life = 1 + random.next() % 604_800;
        let link = world.link(&mut random, life)?;
        let age = [0, life - 1, random.next() % life][random.below(3)];
        world.set_clock(NOW + age);
        let method = match link.method() {
            &Method::GET if random.below(2) == 0 => Method::HEAD,
            method => method.clone(),
        };
        let status = world.send(&method, link.url().parse()?).await?;
        if status != 200 {
            refused
                .push(format!("{method} {} after {age} of {life} seconds: {status}", link.url()));
        }
    }
    Ok(refused)
}
