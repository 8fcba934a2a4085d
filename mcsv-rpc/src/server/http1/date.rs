use std::cell::RefCell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::HttpDate;

thread_local! {
    static NOW: RefCell<Date> = const { RefCell::new(Date { second: 0, text: String::new() }) };
}

/// A moment as `date` has it: [RFC 9110, section 5.6.7]. It is written anew once a second.
///
/// [RFC 9110, section 5.6.7]: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7
struct Date {
    second: u64,
    text: String,
}

impl Date {
    fn at(&mut self, second: u64) -> &str {
        if self.second != second || self.text.is_empty() {
            self.second = second;
            self.text = HttpDate::from(UNIX_EPOCH + Duration::from_secs(second)).to_string();
        }
        &self.text
    }
}

/// Writes the present moment.
pub(super) fn write_now(out: &mut Vec<u8>) {
    // A clock before 1970 is not a reason to fail.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    NOW.with_borrow_mut(|date| out.extend_from_slice(date.at(since.as_secs()).as_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_its_own_text() {
        let mut date = Date { second: 0, text: String::new() };
        assert_eq!(date.at(0), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(date.at(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(date.at(784_111_778), "Sun, 06 Nov 1994 08:49:38 GMT");
    }
}
