//! Random changes of signed URLs, the same for the same seed.

/// Where the genuine URLs lead, and the changed ones as well: another host is another server.
const HOST: &str = "http://host/";

/// Makes URLs out of genuine ones that are none of them.
pub(crate) struct Mutator {
    state: u64,
    genuine: Vec<String>,
}

impl Mutator {
    pub(crate) fn new(seed: u64, genuine: Vec<String>) -> Self {
        Mutator { state: seed, genuine }
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
            if self.genuine.iter().all(|genuine| genuine != sent) && sent.starts_with(HOST) {
                return sent.to_owned();
            }
        }
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

    /// A number below `end`, by SplitMix64.
    fn below(&mut self, end: usize) -> usize {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % end as u64).unwrap_or(0)
    }
}
