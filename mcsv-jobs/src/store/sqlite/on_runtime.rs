use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::{Error, ErrorKind};

/// Runs `work` on a thread, in the context of the runtime that is current here.
pub(super) fn thread(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    let runtime = Handle::current();
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        // That of the connections of sqlx: also where one is dropped it is a task that brings it back.
        let _context = runtime.enter();
        work();
    });
    started.map(drop).map_err(|cause| {
        let context = "no thread for the job database: raise the limit of the process or container";
        Error::new(ErrorKind::Unavailable, context).with_source(cause)
    })
}

/// Runs `work` on the runtime for such a thread, and waits for it; none where the runtime is gone.
pub(super) fn run<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Option<T> {
    let (done, result) = oneshot::channel();
    tokio::spawn(async move {
        // Who asked waits.
        let _ = done.send(work.await);
    });
    result.blocking_recv().ok()
}
