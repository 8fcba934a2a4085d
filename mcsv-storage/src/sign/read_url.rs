use std::time::{Duration, UNIX_EPOCH};

use crate::error::{Error, ErrorKind, Result};
use crate::object_key::ObjectKey;
use crate::sign::claims::Claims;
use crate::sign::signer::{PARAMETER, Signer};
use crate::sign::token;

impl Signer {
    /// What a relayed URL of this signer grants and for how long, if it is one, unchanged and in time.
    pub(crate) fn read_url(
        &self,
        path: &str,
        query: Option<&str>,
    ) -> Result<(ObjectKey, Claims, Duration)> {
        let key = self.key_of(path)?;
        // The query is the token and nothing else: one spelling, no second parameter.
        let token = query.and_then(|query| query.strip_prefix(PARAMETER)?.strip_prefix('='));
        let claims = token::verify(&self.keys, &key, token.unwrap_or_default())?;
        let now = (self.clock)().duration_since(UNIX_EPOCH).unwrap_or_default();
        match Duration::from_secs(claims.expires_at).checked_sub(now) {
            Some(left) if !left.is_zero() => Ok((key, claims, left)),
            _ => Err(Error::new(ErrorKind::Expired, "signed URL: it has expired")),
        }
    }

    /// The key in the path, behind one of the bases.
    fn key_of(&self, path: &str) -> Result<ObjectKey> {
        let under = |base: &str| path.strip_prefix(base)?.strip_prefix('/').map(str::len);
        // The longest base: one may be the beginning of another.
        let rest = self.bases().filter_map(|base| under(base.path())).min();
        let rest = rest.and_then(|len| path.get(path.len() - len..));
        rest.map_or_else(
            || Err(Error::new(ErrorKind::NotFound, "signed URL: its path is under no base URL")),
            ObjectKey::parse,
        )
    }
}
