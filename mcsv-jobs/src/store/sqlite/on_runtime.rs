use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Runs `work` for a thread that is none of the runtime's, and waits for it; none where the runtime is gone.
pub(super) fn run<T: Send + 'static>(
    runtime: &Handle,
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let (done, result) = oneshot::channel();
    runtime.spawn(async move {
        // Who asked waits.
        let _ = done.send(work.await);
    });
    result.blocking_recv().ok()
}
