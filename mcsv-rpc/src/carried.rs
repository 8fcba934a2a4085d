use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::media::Media;

/// What the headers of a request say to the protocols: one walk over its few headers costs less than
/// a look-up of each name, most of which are not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Carried<'a> {
    content_type: Once<'a>,
    pub(crate) traceparent: Once<'a>,
    pub(crate) tracestate: Once<'a>,
    pub(crate) connect_timeout: Once<'a>,
    pub(crate) grpc_timeout: Once<'a>,
    /// Whether it is said how the message is packed.
    pub(crate) coding: bool,
    /// Whether it is said how the answer may be packed.
    pub(crate) accept: bool,
}

/// A header that should come once at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Once<'a> {
    #[default]
    None,
    One(&'a HeaderValue),
    /// The first of several.
    Several(&'a HeaderValue),
}

impl<'a> Once<'a> {
    fn add(&mut self, value: &'a HeaderValue) {
        *self = match *self {
            Once::None => Once::One(value),
            Once::One(first) | Once::Several(first) => Once::Several(first),
        };
    }

    pub(crate) fn first(self) -> Option<&'a HeaderValue> {
        match self {
            Once::None => None,
            Once::One(first) | Once::Several(first) => Some(first),
        }
    }
}

impl<'a> Carried<'a> {
    pub(crate) fn by(headers: &'a HeaderMap) -> Self {
        let mut carried = Carried::default();
        for (name, value) in headers {
            carried.add(name, value);
        }
        carried
    }

    /// None where there is no type, or one that is not known here.
    pub(crate) fn media(&self) -> Option<Media> {
        self.content_type.first().and_then(Media::of_value)
    }

    /// Names that http knows are numbers to it, which are quicker to compare than text.
    fn add(&mut self, name: &HeaderName, value: &'a HeaderValue) {
        if *name == CONTENT_TYPE {
            self.content_type.add(value);
        } else if *name == HOST || *name == CONTENT_LENGTH || *name == ACCEPT {
            // On most requests, and of no meaning here.
        } else if *name == CONTENT_ENCODING {
            self.coding = true;
        } else if *name == ACCEPT_ENCODING {
            self.accept = true;
        } else {
            match name.as_str() {
                "traceparent" => self.traceparent.add(value),
                "tracestate" => self.tracestate.add(value),
                "connect-timeout-ms" => self.connect_timeout.add(value),
                "grpc-timeout" => self.grpc_timeout.add(value),
                "grpc-encoding" => self.coding = true,
                "grpc-accept-encoding" => self.accept = true,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &'static str, expected: impl FnOnce(&mut Carried<'_>)) {
        let value = HeaderValue::from_static("1");
        let mut carried = Carried::default();
        expected(&mut carried);
        let headers = HeaderMap::from_iter([(HeaderName::from_static(name), value)]);
        assert_eq!(Carried::by(&headers), carried);
    }

    #[test]
    fn sees_each_name_of_every_protocol() {
        static ONE: HeaderValue = HeaderValue::from_static("1");
        check("traceparent", |carried| carried.traceparent.add(&ONE));
        check("tracestate", |carried| carried.tracestate.add(&ONE));
        check("connect-timeout-ms", |carried| carried.connect_timeout.add(&ONE));
        check("grpc-timeout", |carried| carried.grpc_timeout.add(&ONE));
        check("content-encoding", |carried| carried.coding = true);
        check("grpc-encoding", |carried| carried.coding = true);
        check("accept-encoding", |carried| carried.accept = true);
        check("grpc-accept-encoding", |carried| carried.accept = true);
        check("content-length", |_| {});
        check("x-custom", |_| {});
    }

    #[test]
    fn of_two_types_the_first_counts() {
        let media = |types: [&'static str; 2]| {
            let mut headers = HeaderMap::new();
            for name in types {
                headers.append("content-type", HeaderValue::from_static(name));
            }
            Carried::by(&headers).media()
        };
        assert_eq!(media(["application/json", "application/proto"]), Some(Media::Json));
        assert_eq!(media(["text/plain", "application/json"]), None);
    }

    #[test]
    fn of_several_the_first_is_kept() {
        let mut headers = HeaderMap::new();
        headers.append("traceparent", HeaderValue::from_static("a"));
        headers.append("traceparent", HeaderValue::from_static("b"));
        let a = HeaderValue::from_static("a");
        assert_eq!(Carried::by(&headers).traceparent, Once::Several(&a));
    }
}
