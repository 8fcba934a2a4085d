use crate::{Event, EventCursor};

/// An event as whoever follows the log gets it; made by [`Jobs::subscribe`](crate::Jobs::subscribe).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LoggedEvent {
    /// What happened.
    pub event: Event,
    /// The kind of the job; none where its row is deleted by now.
    pub kind: Option<String>,
    /// The queue of the job; none where its row is deleted by now.
    pub queue: Option<String>,
    /// Where to go on after this event.
    pub cursor: EventCursor,
}

/// A part of the log; made by [`Jobs::events_after`](crate::Jobs::events_after).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EventPage {
    /// The events, in the order of the log.
    pub events: Vec<LoggedEvent>,
    /// Where the next page begins: after the last of these, or where this one began if there is none.
    pub next: EventCursor,
}
