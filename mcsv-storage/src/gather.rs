use bytes::{Bytes, BytesMut};

/// A piece of at least this many bytes is kept as it came.
const SMALL: usize = 16 * 1024;

/// The smaller ones are copied together into pieces of this many.
const FULL: usize = 64 * 1024;

/// Gathers small pieces, so that what is held back of an upload costs memory by its bytes and not by the
/// pieces in which its sender chose to send them.
#[derive(Default)]
pub(crate) struct Gather {
    tail: BytesMut,
}

impl Gather {
    /// Takes a piece, and gives what is to be passed on by now, in its order.
    pub(crate) fn take(&mut self, piece: Bytes) -> Vec<Bytes> {
        let mut ready = Vec::new();
        if piece.len() >= SMALL || self.tail.len() + piece.len() > FULL {
            ready.extend(self.rest());
        }
        if piece.len() >= SMALL {
            ready.push(piece);
        } else {
            if self.tail.capacity() == 0 {
                self.tail.reserve(FULL);
            }
            self.tail.extend_from_slice(&piece);
        }
        ready
    }

    /// What was taken and not yet given.
    pub(crate) fn rest(&mut self) -> Option<Bytes> {
        match self.tail.len() {
            0 => None,
            // A copy, so that a few bytes between large pieces hold no memory for many.
            len if len < FULL / 2 => {
                let rest = Bytes::copy_from_slice(&self.tail);
                self.tail.clear();
                Some(rest)
            }
            _ => Some(std::mem::take(&mut self.tail).freeze()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many pieces become of these.
    fn gathered(lens: impl IntoIterator<Item = usize>) -> usize {
        let (mut gather, mut sent, mut got, mut pieces) = (Gather::default(), vec![], vec![], 0);
        for (number, len) in lens.into_iter().enumerate() {
            let piece = vec![u8::try_from(number % 251).unwrap(); len];
            sent.extend_from_slice(&piece);
            for ready in gather.take(piece.into()) {
                got.extend_from_slice(&ready);
                pieces += 1;
            }
        }
        if let Some(ready) = gather.rest() {
            got.extend_from_slice(&ready);
            pieces += 1;
        }
        assert!(got == sent, "{} bytes became {}", sent.len(), got.len());
        assert_eq!(gather.rest(), None);
        pieces
    }

    #[test]
    fn a_mebibyte_byte_by_byte_is_few_pieces() {
        assert_eq!(gathered(std::iter::repeat_n(1, 1 << 20)), (1 << 20) / FULL);
    }

    #[test]
    fn large_pieces_pass_and_keep_their_order_among_small_ones() {
        assert_eq!(gathered([]), 0);
        assert_eq!(gathered([0, 0]), 0);
        assert_eq!(gathered([SMALL; 5]), 5);
        assert_eq!(gathered([1, SMALL, 2, 0, SMALL + 1, 3]), 5);
        assert_eq!(gathered([SMALL - 1; 9]), 3);
    }

    #[test]
    fn a_large_piece_is_not_copied() {
        let piece = Bytes::from(vec![7; SMALL]);
        let [passed] = &Gather::default().take(piece.clone())[..] else { panic!("not one") };
        assert_eq!(passed.as_ptr(), piece.as_ptr());
    }
}
