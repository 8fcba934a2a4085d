use crate::error::{Error, ErrorKind, Result};

/// What a token allows: one of two methods, and never both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Get,
    Put,
}

/// What a token binds besides the key of its object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claims {
    pub(crate) purpose: Purpose,
    /// Unix seconds; from then on the token is void.
    pub(crate) expires_at: u64,
    pub(crate) content_type: Option<String>,
    pub(crate) filename: Option<String>,
    pub(crate) exact_len: Option<u64>,
    pub(crate) max_len: Option<u64>,
    pub(crate) sha256: Option<[u8; 32]>,
    pub(crate) create_only: bool,
    pub(crate) inline: bool,
}

const CONTENT_TYPE: u8 = 1;
const FILENAME: u8 = 2;
const EXACT_LEN: u8 = 3;
const MAX_LEN: u8 = 4;
const SHA256: u8 = 5;
const CREATE_ONLY: u8 = 6;
const INLINE: u8 = 7;

impl Claims {
    pub(crate) fn new(purpose: Purpose, expires_at: u64) -> Self {
        Claims {
            purpose,
            expires_at,
            content_type: None,
            filename: None,
            exact_len: None,
            max_len: None,
            sha256: None,
            create_only: false,
            inline: false,
        }
    }

    /// Appends the one encoding of these claims: purpose, expiry, then what is bound as tag,
    /// length and value, in the order of the tags.
    pub(crate) fn encode(&self, into: &mut Vec<u8>) {
        into.push(match self.purpose {
            Purpose::Get => b'G',
            Purpose::Put => b'P',
        });
        into.extend(self.expires_at.to_be_bytes());
        let mut field = |tag: u8, value: &[u8]| {
            into.push(tag);
            // Every value is bounded well below 64 KiB where it is made.
            into.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
            into.extend(value);
        };
        if let Some(media_type) = &self.content_type {
            field(CONTENT_TYPE, media_type.as_bytes());
        }
        if let Some(name) = &self.filename {
            field(FILENAME, name.as_bytes());
        }
        if let Some(len) = self.exact_len {
            field(EXACT_LEN, &len.to_be_bytes());
        }
        if let Some(len) = self.max_len {
            field(MAX_LEN, &len.to_be_bytes());
        }
        if let Some(sha256) = &self.sha256 {
            field(SHA256, sha256);
        }
        if self.create_only {
            field(CREATE_ONLY, &[]);
        }
        if self.inline {
            field(INLINE, &[]);
        }
    }

    /// Reads what [`encode`](Self::encode) wrote. Bytes that it would not have written, though
    /// signed, are of another version.
    pub(crate) fn decode(mut bytes: &[u8]) -> Result<Self> {
        let parsed = parse(&mut bytes).filter(|claims| {
            let mut again = Vec::new();
            claims.encode(&mut again);
            bytes.is_empty() && again.len() <= usize::from(u16::MAX)
        });
        parsed.ok_or_else(|| Error::new(ErrorKind::Signature, "signed URL: unknown claims"))
    }
}

fn parse(bytes: &mut &[u8]) -> Option<Claims> {
    let purpose = match take::<1>(bytes)? {
        [b'G'] => Purpose::Get,
        [b'P'] => Purpose::Put,
        _ => return None,
    };
    let mut claims = Claims::new(purpose, u64::from_be_bytes(take(bytes)?));
    let mut last = 0;
    while let Some([tag]) = take::<1>(bytes) {
        let len = usize::from(u16::from_be_bytes(take(bytes)?));
        let (value, rest) = bytes.split_at_checked(len)?;
        *bytes = rest;
        if tag <= last {
            return None;
        }
        last = tag;
        let text = || String::from_utf8(value.to_vec()).ok();
        let number = || value.try_into().ok().map(u64::from_be_bytes);
        match tag {
            CONTENT_TYPE => claims.content_type = Some(text()?),
            FILENAME => claims.filename = Some(text()?),
            EXACT_LEN => claims.exact_len = Some(number()?),
            MAX_LEN => claims.max_len = Some(number()?),
            SHA256 => claims.sha256 = Some(value.try_into().ok()?),
            CREATE_ONLY if value.is_empty() => claims.create_only = true,
            INLINE if value.is_empty() => claims.inline = true,
            // A constraint that is not understood can't be enforced.
            _ => return None,
        }
    }
    Some(claims)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}
