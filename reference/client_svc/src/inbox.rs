use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use mcsv_protos::v1::{Notification, PdfReadyNotification};
use tokio::sync::watch;

/// How many messages are kept; the oldest goes first.
const CAPACITY: usize = 10_000;

/// The callbacks that arrived, each once, whatever the number of deliveries.
#[derive(Clone)]
pub struct Inbox {
    messages: Arc<Mutex<Messages>>,
    arrived: watch::Sender<u64>,
}

/// A callback.
#[derive(Clone)]
#[non_exhaustive]
pub enum Message {
    /// A mail or a conversion ended.
    Notification(Notification),
    /// A PDF is there; the link in it is a secret.
    PdfReady(PdfReadyNotification),
}

#[derive(Default)]
struct Messages {
    newest_last: VecDeque<Message>,
    event_ids: HashSet<String>,
}

impl Message {
    /// What names the event.
    #[must_use]
    pub fn event_id(&self) -> &str {
        match self {
            Message::Notification(message) => &message.event_id,
            Message::PdfReady(message) => &message.event_id,
        }
    }

    /// The conversion that it is about; 0 if none.
    #[must_use]
    pub fn job_id(&self) -> i64 {
        match self {
            Message::Notification(message) => message.job_id,
            Message::PdfReady(message) => message.job_id,
        }
    }
}

impl Inbox {
    /// An empty inbox.
    #[must_use]
    pub fn new() -> Self {
        Inbox { messages: Arc::default(), arrived: watch::Sender::new(0) }
    }

    /// The newest message that matches.
    pub fn find(&self, matches: impl Fn(&Message) -> bool) -> Option<Message> {
        let messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        messages.newest_last.iter().rev().find(|message| matches(message)).cloned()
    }

    /// The first message that matches, now or later.
    ///
    /// # Cancel safety
    ///
    /// A message that is found stays in the inbox: nothing is lost.
    pub async fn wait_for(&self, matches: impl Fn(&Message) -> bool) -> Message {
        let mut arrived = self.arrived.subscribe();
        loop {
            // Marked before the look, so that what arrives in between wakes the wait after it.
            arrived.mark_unchanged();
            if let Some(message) = self.find(&matches) {
                return message;
            }
            // The sender lives in `self`, so that this can't fail.
            let _ = arrived.changed().await;
        }
    }

    /// Takes a message in; false if its event is known.
    pub(crate) fn receive(&self, message: Message) -> bool {
        let mut messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        if !messages.event_ids.insert(message.event_id().to_owned()) {
            return false;
        }
        messages.newest_last.push_back(message);
        if messages.newest_last.len() > CAPACITY
            && let Some(oldest) = messages.newest_last.pop_front()
        {
            messages.event_ids.remove(oldest.event_id());
        }
        drop(messages);
        self.arrived.send_modify(|count| *count += 1);
        true
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(event_id: &str) -> Message {
        Message::Notification(Notification { event_id: event_id.to_owned(), ..Default::default() })
    }

    #[tokio::test]
    async fn wakes_who_waits_for_a_message() {
        let inbox = Inbox::new();
        let waiting = inbox.clone();
        let waiter = tokio::spawn(async move { waiting.wait_for(|it| it.event_id() == "b").await });

        for event in ["a", "b"] {
            tokio::task::yield_now().await;
            assert!(inbox.receive(message(event)));
        }

        assert_eq!(waiter.await.unwrap().event_id(), "b");
    }

    #[test]
    fn an_event_is_taken_in_once_and_the_oldest_goes_first() {
        let inbox = Inbox::new();
        assert!(inbox.receive(message("0")) && !inbox.receive(message("0")));

        for n in 1..=CAPACITY {
            inbox.receive(message(&n.to_string()));
        }

        assert!(inbox.find(|it| it.event_id() == "0").is_none());
        assert!(inbox.find(|it| it.event_id() == "1").is_some());
    }
}
