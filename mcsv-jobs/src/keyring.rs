use std::borrow::Cow;

#[cfg(feature = "encryption")]
use crate::Keys;
use crate::{BoxError, Codec, Error, ErrorKind, Job, Permanent};

/// The keys of a process, if it has some.
#[derive(Clone, Debug, Default)]
pub(crate) struct Keyring {
    #[cfg(feature = "encryption")]
    keys: Option<Keys>,
}

/// Arguments as they were encoded.
pub(crate) struct Opened<'a> {
    args: Cow<'a, [u8]>,
    was_sealed: bool,
}

#[cfg(feature = "encryption")]
impl Keyring {
    pub(crate) fn new(keys: Keys) -> Self {
        Keyring { keys: Some(keys) }
    }

    /// The sealed arguments, and the name of their key.
    pub(crate) fn seal(&self, kind: &str, args: &[u8]) -> Result<(Vec<u8>, String), Error> {
        self.keys.as_ref().ok_or_else(|| no_keys(kind))?.seal(kind, args)
    }

    fn find(&self, kind: &str, id: &str, args: &[u8]) -> Option<Result<Vec<u8>, Error>> {
        self.keys.as_ref()?.open(kind, id, args)
    }
}

#[cfg(not(feature = "encryption"))]
impl Keyring {
    pub(crate) fn seal(&self, kind: &str, _: &[u8]) -> Result<(Vec<u8>, String), Error> {
        Err(no_keys(kind))
    }

    fn find(&self, _: &str, _: &str, _: &[u8]) -> Option<Result<Vec<u8>, Error>> {
        None
    }
}

impl Keyring {
    /// The arguments as they were before they were sealed, or as they are.
    ///
    /// A key that is missing may be there at the next attempt; what its key has not sealed never
    /// becomes right.
    pub(crate) fn open<'a>(
        &self,
        kind: &str,
        key_id: Option<&str>,
        args: &'a [u8],
    ) -> Result<Opened<'a>, BoxError> {
        let Some(id) = key_id else {
            return Ok(Opened { args: Cow::Borrowed(args), was_sealed: false });
        };
        match self.find(kind, id, args) {
            Some(Ok(args)) => Ok(Opened { args: Cow::Owned(args), was_sealed: true }),
            Some(Err(error)) => Err(Permanent::new(error).into()),
            None => {
                let context =
                    format!("arguments of kind {kind:?} are sealed by key {id:?}: have this key");
                Err(Error::new(ErrorKind::Decode, context).into())
            }
        }
    }
}

impl Opened<'_> {
    /// As a message can have them: what is no text in ASCII, with escapes.
    #[cfg(feature = "testing")]
    pub(crate) fn shown(&self) -> String {
        let text = std::str::from_utf8(&self.args).ok();
        let text = text.filter(|text| !text.contains(char::is_control));
        text.map_or_else(|| self.args.escape_ascii().to_string(), str::to_owned)
    }

    pub(crate) fn decode<J: Job>(&self) -> Result<J, Error> {
        if J::Codec::SEALED && !self.was_sealed {
            let context =
                format!("arguments of kind {:?} are not sealed, as they must be", J::KIND);
            return Err(Error::new(ErrorKind::Decode, context));
        }
        J::Codec::decode(&self.args).map_err(|cause| Error::decode(J::KIND, cause))
    }
}

fn no_keys(kind: &str) -> Error {
    Error::invalid(format!("arguments of kind {kind:?} are to be sealed: use Jobs::with_keys()"))
}
