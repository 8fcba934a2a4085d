use crate::{Error, EventCursor, EventPage, LoggedEvent};

/// A row of a page of the log. There is one at least, also where the log has nothing new.
pub(super) struct LogRow {
    /// Which log it is.
    pub(super) log: u32,
    /// Whether the cursor lies behind everything that the log can have.
    pub(super) is_beyond: bool,
    pub(super) logged: Option<LoggedEvent>,
}

/// What the database found after `cursor`.
pub(super) fn page(cursor: EventCursor, rows: Vec<LogRow>) -> Result<EventPage, Error> {
    let Some(first) = rows.first() else { return Ok(EventPage { events: vec![], next: cursor }) };
    if cursor.log != 0 && cursor.log != first.log {
        return Err(stale(
            cursor,
            "is of another log, as before a dump of the database was restored",
        ));
    }
    if first.is_beyond {
        return Err(stale(
            cursor,
            "is behind the end of the log, as before an older copy came back",
        ));
    }
    let events: Vec<LoggedEvent> = rows.into_iter().filter_map(|row| row.logged).collect();
    let next = events.last().map_or(cursor, |last| last.cursor);
    Ok(EventPage { events, next })
}

fn stale(cursor: EventCursor, why: &str) -> Error {
    Error::invalid(format!(
        "event cursor {cursor} {why}: start at EventCursor::BEGINNING and leave out what is known by \
         its sequence, or at Jobs::event_cursor()"
    ))
}
