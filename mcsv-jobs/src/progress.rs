use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::watch;

use crate::{Error, ErrorKind};

/// The most bytes of a progress.
const MAX_PROGRESS: usize = 4 * 1024;

/// What a running attempt last said of itself, on its way to the driver.
#[derive(Clone)]
pub(crate) struct Reporter(Arc<watch::Sender<Option<String>>>);

/// The driver's end of it.
pub(crate) struct Reports {
    newest: watch::Receiver<Option<String>>,
    closed: bool,
}

pub(crate) fn reports() -> (Reporter, Reports) {
    let (sender, receiver) = watch::channel(None);
    (Reporter(Arc::new(sender)), Reports { newest: receiver, closed: false })
}

impl Reporter {
    pub(crate) fn report(&self, progress: &impl Serialize) -> Result<(), Error> {
        let text = serde_json::to_string(progress).map_err(|cause| {
            Error::new(ErrorKind::Encode, "the progress is no JSON").with_source(cause)
        })?;
        if text.len() > MAX_PROGRESS {
            let context = format!("progress of {} bytes: give at most {MAX_PROGRESS}", text.len());
            return Err(Error::new(ErrorKind::TooLarge, context));
        }
        self.0.send_replace(Some(text));
        Ok(())
    }
}

impl Reports {
    /// The newest, if it has not been taken yet.
    pub(crate) fn take(&mut self) -> Option<String> {
        let changed = match self.newest.has_changed() {
            Ok(changed) => changed,
            // The handler has let go of its context; what it said last still counts, once.
            Err(_) => !std::mem::replace(&mut self.closed, true),
        };
        if changed { self.newest.borrow_and_update().clone() } else { None }
    }
}

impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reporter").finish_non_exhaustive()
    }
}
