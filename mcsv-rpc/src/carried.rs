use http::HeaderMap;

/// Which of the headers that few calls carry are there: one walk over a request's few headers costs
/// less than a look-up of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Carried {
    pub(crate) trace: bool,
    pub(crate) timeout: bool,
    /// How the message is packed.
    pub(crate) coding: bool,
    /// How the answer may be packed.
    pub(crate) accept: bool,
}

impl Carried {
    pub(crate) fn by(headers: &HeaderMap) -> Self {
        let mut carried = Carried::default();
        for name in headers.keys() {
            match name.as_str() {
                "traceparent" => carried.trace = true,
                "connect-timeout-ms" | "grpc-timeout" => carried.timeout = true,
                "content-encoding" | "grpc-encoding" => carried.coding = true,
                "accept-encoding" | "grpc-accept-encoding" => carried.accept = true,
                _ => {}
            }
        }
        carried
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[track_caller]
    fn check(name: &'static str, carried: Carried) {
        let name = HeaderName::from_static(name);
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_static("1"))]);
        assert_eq!(Carried::by(&headers), carried);
    }

    #[test]
    fn sees_each_name_of_every_protocol() {
        let none = Carried::default();
        check("traceparent", Carried { trace: true, ..none });
        check("connect-timeout-ms", Carried { timeout: true, ..none });
        check("grpc-timeout", Carried { timeout: true, ..none });
        check("content-encoding", Carried { coding: true, ..none });
        check("grpc-encoding", Carried { coding: true, ..none });
        check("accept-encoding", Carried { accept: true, ..none });
        check("grpc-accept-encoding", Carried { accept: true, ..none });
        check("content-type", none);
    }
}
