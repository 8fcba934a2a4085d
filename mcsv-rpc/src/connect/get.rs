use std::borrow::Cow;

use bytes::Bytes;
use mcsv_core::{Error, Result};

use crate::base64_any;
use crate::coding::Coding;
use crate::media::Media;
use crate::percent;

/// The query of a GET call, which holds what else the headers and the body hold.
#[derive(Debug, Default)]
pub(crate) struct Query<'a> {
    message: Option<Cow<'a, [u8]>>,
    encoding: Option<Cow<'a, [u8]>>,
    compression: Option<Cow<'a, [u8]>>,
    version: Option<Cow<'a, [u8]>>,
    base64: bool,
}

/// Whether a query is that of a Connect client.
pub(crate) fn is_connect(query: &str) -> bool {
    query.split('&').any(|pair| pair == "connect=v1" || pair.starts_with("message="))
}

impl<'a> Query<'a> {
    pub(crate) fn parse(query: &'a str) -> Self {
        let mut parsed = Query::default();
        for pair in query.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value.as_bytes());
            match key {
                "message" => parsed.message = Some(value),
                "encoding" => parsed.encoding = Some(value),
                "compression" => parsed.compression = Some(value),
                "connect" => parsed.version = Some(value),
                "base64" => parsed.base64 = &*value == b"1",
                _ => {}
            }
        }
        parsed
    }

    /// The type of the message; `None` for one that is not served.
    pub(crate) fn media(&self) -> Option<Media> {
        match self.encoding.as_deref()? {
            b"proto" => Some(Media::Proto),
            b"json" => Some(Media::Json),
            _ => None,
        }
    }

    pub(crate) fn coding(&self) -> Result<Coding> {
        let name = self.compression.as_deref().unwrap_or_default();
        Coding::parse(&String::from_utf8_lossy(name))
    }

    /// The message's bytes, as they would be in a body.
    pub(crate) fn message(self) -> Result<Bytes> {
        if self.version.as_deref().is_some_and(|version| version != b"v1") {
            return Err(Error::invalid_argument("bad query parameter connect: send v1"));
        }
        let Some(message) = self.message else {
            return Err(Error::invalid_argument("no query parameter message: send the request"));
        };
        if !self.base64 {
            return Ok(message.into_owned().into());
        }
        match base64_any::decode(&message) {
            Some(bytes) => Ok(bytes.into()),
            None => Err(Error::invalid_argument("the query parameter message is no base64")),
        }
    }
}

/// One value without its escapes, among which `+` is for a space.
fn decoded(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(value);
    }
    let spaced: Vec<u8> = value.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    Cow::Owned(percent::decode_bytes(&spaced))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, message: &[u8]) {
        assert_eq!(Query::parse(query).message().unwrap(), message, "{query}");
    }

    #[test]
    fn reads_the_message_in_every_form() {
        check("message=a%20b+c&encoding=json", b"a b c");
        check("base64=1&message=_-8", &[0xff, 0xef]);
        check("message=%2F%2B8%3D&base64=1", &[0xff, 0xef]);
        check("message=", b"");
        check("message=100%", b"100%");
    }

    #[test]
    fn refuses_what_is_missing_or_wrong() {
        for query in ["", "encoding=proto", "message=!&base64=1", "message=a&connect=v2"] {
            assert!(Query::parse(query).message().is_err(), "{query}");
        }
        assert!(Query::parse("compression=br").coding().is_err());
        assert_eq!(Query::parse("encoding=xml").media(), None);
    }
}
