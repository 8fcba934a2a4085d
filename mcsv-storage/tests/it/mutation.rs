//! Random changes of signed URLs, the same for the same seed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::random::Random;

/// Where the genuine URLs lead, and the changed ones as well: another host is another server.
const HOST: &str = "http://host/";

/// Makes URLs out of genuine ones that are none of them.
pub(crate) struct Mutator {
    random: Random,
    genuine: Vec<String>,
}

impl Mutator {
    pub(crate) fn new(seed: u64, genuine: Vec<String>) -> Self {
        Mutator { random: Random(seed), genuine }
    }

    /// A URL with one to four changes, in whose request line no genuine one is left.
    pub(crate) fn next(&mut self) -> String {
        loop {
            let mut url = self.pick().into_bytes();
            for _ in 0..=self.below(4) {
                self.change(&mut url);
            }
            let changed = String::from_utf8_lossy(&url).into_owned();
            // A fragment never reaches a server.
            let sent = changed.split('#').next().unwrap_or_default();
            if self.is_forged(sent) {
                return sent.to_owned();
            }
        }
    }

    /// A URL whose token, once decoded, differs in one to four bytes: by one, by a bit, or at all.
    pub(crate) fn inside(&mut self) -> String {
        loop {
            let url = self.pick();
            let Some((path, token)) = url.split_once("?sig=") else { continue };
            let Ok(mut bytes) = URL_SAFE_NO_PAD.decode(token) else { continue };
            for _ in 0..=self.below(4) {
                let at = self.below(bytes.len());
                bytes[at] = match self.below(4) {
                    0 => bytes[at].wrapping_add(1),
                    1 => bytes[at].wrapping_sub(1),
                    2 => bytes[at] ^ (1 << self.below(8)),
                    _ => u8::try_from(self.below(256)).unwrap_or(0),
                };
            }
            let changed = format!("{path}?sig={}", URL_SAFE_NO_PAD.encode(bytes));
            if self.is_forged(&changed) {
                return changed;
            }
        }
    }

    /// A genuine URL in another spelling, which a careless reader would take for the same.
    pub(crate) fn respelled(&mut self) -> String {
        let url = self.pick();
        let (path, token) = url.split_once("?sig=").unwrap_or((&url, ""));
        let path = path.strip_prefix(HOST).unwrap_or(path);
        let at = self.below(path.len());
        let (before, after) = path.split_at(at);
        let encoded = |text: &str, from: usize| {
            format!("{}%{:02x}{}", &text[..from], text.as_bytes()[from], &text[from + 1..])
        };
        match self.below(14) {
            0 => format!("{HOST}{path}?sig={token}&sig={token}"),
            1 => format!("{HOST}{path}?x=1&sig={token}"),
            2 => format!("{HOST}{path}?sig={token}&x=1"),
            3 => format!("{HOST}{path}?Sig={token}"),
            4 => format!("{HOST}{path}?%73ig={token}"),
            5 => format!("{HOST}{path}?sig={}", encoded(token, self.below(token.len()))),
            6 => format!("{HOST}{}?sig={token}", encoded(path, at)),
            7 => format!("{HOST}{before}/./{after}?sig={token}"),
            8 => format!("{HOST}{before}/x/../{after}?sig={token}"),
            9 => format!("{HOST}{before}//{after}?sig={token}"),
            10 => format!("{HOST}{path}/?sig={token}"),
            11 => format!("{HOST}{}?sig={token}", path.to_uppercase()),
            12 => format!("{HOST}{path}?sig={token}="),
            _ => format!("{HOST}{path}?sig={}", token.to_uppercase()),
        }
    }

    fn is_forged(&self, url: &str) -> bool {
        self.genuine.iter().all(|genuine| genuine != url) && url.starts_with(HOST)
    }

    fn change(&mut self, url: &mut Vec<u8>) {
        const BYTES: &[u8] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=&%?/.+~";
        let start = HOST.len();
        if url.len() <= start + 2 {
            return;
        }
        let at = start + self.below(url.len() - start);
        let byte = BYTES[self.below(BYTES.len())];
        match self.below(7) {
            0 => url[at] = byte,
            1 => url.insert(at, byte),
            2 => drop(url.remove(at)),
            3 => url.truncate(at),
            4 => url[at] ^= 1 << self.below(7),
            5 => {
                let other = start + self.below(url.len() - start);
                url.swap(at, other);
            }
            // The path of one and the token of another.
            _ => {
                let other = self.pick();
                let token = other.split_once('?').map_or("", |(_, token)| token);
                let path = url.iter().position(|byte| *byte == b'?').unwrap_or(url.len());
                url.truncate(path);
                url.push(b'?');
                url.extend(token.as_bytes());
            }
        }
    }

    fn pick(&mut self) -> String {
        let at = self.below(self.genuine.len());
        self.genuine[at].clone()
    }

    fn below(&mut self, end: usize) -> usize {
        self.random.below(end)
    }
}
