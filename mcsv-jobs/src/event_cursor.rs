use std::fmt;
use std::str::FromStr;

use crate::Error;

/// A place in the log of events: what comes after it has not been seen yet.
///
/// It is that of an event ([`LoggedEvent::cursor`](crate::LoggedEvent::cursor)), the end of the log
/// ([`Jobs::event_cursor`](crate::Jobs::event_cursor)) or the [beginning](Self::BEGINNING). Its text,
/// of at most 42 ASCII characters, is to be stored and has no meaning to whoever stores it. Cursors of
/// one log are in its order.
///
/// ```
/// use mcsv_jobs::EventCursor;
///
/// let text = EventCursor::BEGINNING.to_string();
/// assert_eq!(text.parse::<EventCursor>()?, EventCursor::BEGINNING);
/// assert!("last Tuesday".parse::<EventCursor>().unwrap_err().is_invalid());
/// # Ok::<(), mcsv_jobs::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventCursor {
    /// Which log it is of; 0 is any.
    pub(crate) log: u32,
    /// 0 where the order of the log is that of its numbers alone.
    pub(crate) transaction: u64,
    pub(crate) sequence: i64,
}

impl EventCursor {
    /// Before the first event that the log still has.
    pub const BEGINNING: Self = EventCursor { log: 0, transaction: 0, sequence: 0 };
}

impl fmt::Display for EventCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{:x}.{:x}", self.log, self.transaction, self.sequence)
    }
}

impl FromStr for EventCursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // What would be written in another way is none of ours.
        read(text).filter(|cursor| cursor.to_string() == text).ok_or_else(|| {
            let text: String = text.chars().take(64).collect();
            Error::invalid(format!(
                "event cursor {text:?}: give the text of one, or start at EventCursor::BEGINNING"
            ))
        })
    }
}

fn read(text: &str) -> Option<EventCursor> {
    let (log, rest) = text.split_once('.')?;
    let (transaction, sequence) = rest.split_once('.')?;
    Some(EventCursor {
        log: u32::from_str_radix(log, 16).ok()?,
        transaction: u64::from_str_radix(transaction, 16).ok()?,
        sequence: i64::from_str_radix(sequence, 16).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_cursor_is_the_cursor() {
        let (log, transaction, sequence) = (u32::MAX, u64::MAX, i64::MAX);
        let last = EventCursor { log, transaction, sequence };
        let text = last.to_string();

        assert_eq!((text.parse::<EventCursor>().unwrap(), text.len()), (last, 42));
        assert_eq!(EventCursor::BEGINNING.to_string(), "0.0.0");
    }

    #[test]
    fn a_text_that_no_cursor_has_is_refused_by_name() {
        for text in ["", "1.2", "1.2.3.4", "01.2.3", "A.2.3", "+1.2.3", "1.2.-3", "1.2.3 "] {
            let error = text.parse::<EventCursor>().unwrap_err();
            assert!(error.is_invalid() && error.to_string().contains(&format!("{text:?}")));
        }
    }
}
