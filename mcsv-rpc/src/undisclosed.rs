use std::error::Error as StdError;
use std::fmt;

use mcsv_core::{Code, Error};

/// The source of an error that a client made itself: that error as it was.
///
/// What a client says of endpoints, limits, time-outs and a proxy's answer is for this process. Where
/// a handler answers such an error, its caller gets the [outward](Self::outward) form, and the log has
/// this one. It counts as the error's own source only, so that an error which a handler makes of it,
/// in words of its own, goes out in those words.
#[derive(Debug)]
pub(crate) struct Undisclosed(Error);

impl Undisclosed {
    /// `error` with the mark, to be read like before in this process.
    pub(crate) fn mark(error: Error) -> Error {
        let marked = Error::new(error.code(), error.message());
        with_extras(marked, &error, None).with_source(Undisclosed(error))
    }

    /// The source that `error` had before it was marked, or has.
    pub(crate) fn cause_of(error: &Error) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        let source = error.source()?;
        match source.downcast_ref() {
            Some(Undisclosed(own)) => own.source(),
            None => Some(source),
        }
    }

    /// What a peer is told in place of a marked error: its code, its retry hint, and what a handler
    /// has added to it.
    pub(crate) fn outward(error: &Error) -> Option<Error> {
        let Undisclosed(own) = error.source()?.downcast_ref()?;
        let told = Error::new(error.code(), in_general(error.code()));
        Some(with_extras(told, error, Some(own)))
    }
}

/// `error` with the retry hint of `from`, and the metadata and details that it has beyond `own`.
fn with_extras(mut error: Error, from: &Error, own: Option<&Error>) -> Error {
    let is_own = |key: &str, value: &str| own.and_then(|own| own.meta(key)) == Some(value);
    for (key, value) in from.metadata().filter(|(key, value)| !is_own(key, value)) {
        error = error.with_meta(key, value);
    }
    for detail in from.details().iter().skip(own.map_or(0, |own| own.details().len())) {
        error = error.with_detail(detail.type_name(), detail.value());
    }
    match from.retry_after() {
        Some(wait) => error.with_retry_after(wait),
        None => error,
    }
}

/// What may be said to anyone.
fn in_general(code: Code) -> &'static str {
    match code {
        Code::Unavailable => "a service that this one needs is not reachable",
        Code::DeadlineExceeded => "a service that this one needs did not answer in time",
        _ => "a call to a service that this one needs failed",
    }
}

impl fmt::Display for Undisclosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.message())
    }
}

impl StdError for Undisclosed {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn marked() -> Error {
        let error = Error::unavailable("can't reach http://10.0.0.7")
            .with_meta("body", "10.0.0.7")
            .with_detail("a.Gateway", "10.0.0.7");
        Undisclosed::mark(error.with_retry_after(Duration::from_secs(2)).with_source("refused"))
    }

    #[test]
    fn a_marked_error_reads_as_before() {
        let error = marked();
        assert_eq!(error.to_string(), "unavailable: can't reach http://10.0.0.7");
        assert_eq!(error.meta("body"), Some("10.0.0.7"));
        assert_eq!(error.source().unwrap().to_string(), "can't reach http://10.0.0.7");
        assert_eq!(Undisclosed::cause_of(&error).unwrap().to_string(), "refused");
    }

    #[test]
    fn what_goes_out_has_the_hint_and_what_was_added_and_no_more() {
        let error = marked().with_meta("tenant", 7).with_detail("a.B", vec![1]);
        let told = Undisclosed::outward(&error).unwrap();
        assert_eq!(told.to_string(), "unavailable: a service that this one needs is not reachable");
        assert_eq!(told.metadata().collect::<Vec<_>>(), [("tenant", "7")]);
        assert_eq!(told.details().len(), 1);
        assert_eq!(told.details()[0].type_name(), "a.B");
        assert_eq!(told.retry_after(), Some(Duration::from_secs(2)));
        assert!(told.source().is_none());
    }

    #[test]
    fn the_words_that_a_handler_finds_for_it_go_out() {
        let own = Error::internal("no stock is known").with_source(marked());
        assert!(Undisclosed::outward(&own).is_none());
        assert!(Undisclosed::outward(&Error::unavailable("busy")).is_none());
    }
}
