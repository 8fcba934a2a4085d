use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map whose keys are ours: paths that are served, methods that were generated.
///
/// A stranger can ask for any key but add none, so nobody can make the keys collide, and the hash
/// need not be one that withstands it.
pub(crate) type QuickMap<K, V> = HashMap<K, V, QuickHash>;
pub(crate) type QuickHash = BuildHasherDefault<QuickHasher>;

/// Multiplies eight bytes at a time into the hash.
#[derive(Default)]
pub(crate) struct QuickHasher(u64);

/// The golden ratio's bits, which no run of small numbers lines up with.
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

impl QuickHasher {
    fn mix(&mut self, part: u64) {
        self.0 = (self.0.rotate_left(23) ^ part).wrapping_mul(MIX);
    }
}

impl Hasher for QuickHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            self.mix(u64::from_le_bytes(last));
        }
    }

    fn write_u8(&mut self, part: u8) {
        self.mix(part.into());
    }

    fn write_usize(&mut self, part: usize) {
        self.mix(part as u64);
    }

    fn write_isize(&mut self, part: isize) {
        self.mix(part as u64);
    }

    /// The map takes its place from the low bits, which the multiplication mixes least.
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::BuildHasher;

    use super::*;

    #[test]
    fn names_that_are_alike_lie_apart() {
        let hasher = BuildHasherDefault::<QuickHasher>::default();
        let names = (0..1000).map(|n| format!("/package.v1.Service/Method{n}"));
        let places: HashSet<u64> = names.map(|name| hasher.hash_one(name) & 0xffff).collect();
        // 1,000 of 65,536 places by chance share about 8.
        assert!(places.len() > 980, "{}", places.len());
    }
}
