//! Which recorder of metrics is the process's own.

use std::ptr;
use std::sync::atomic::AtomicPtr;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;

use metrics::{Recorder, with_recorder};

static OF_PROCESS: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// Finds out which recorder the process has now.
///
/// It stays for ever, so what it has registered can be kept. A recorder that is set for one thread,
/// as a test does, may be gone at the next call and another one lie in its place. The two can't be
/// told apart where they are used, but on a thread that is new there is only the former.
pub(crate) fn learn_recorder() {
    // Where this thread has none, or one without a size, there is nothing to be kept.
    if !OF_PROCESS.load(Relaxed).is_null() || with_recorder(|recorder| size_of_val(recorder) == 0) {
        return;
    }
    let asked = thread::Builder::new().spawn(|| {
        with_recorder(|recorder| {
            // The one that does nothing, for a process without any, has no size. One with none shares
            // its address with others and is not kept either.
            if size_of_val(recorder) > 0 {
                OF_PROCESS.store(address(recorder), Relaxed);
            }
        });
    });
    // Without it nothing is kept, which costs time and nothing else.
    if let Ok(asked) = asked {
        let _ = asked.join();
    }
}

/// Whether `recorder` is there for ever.
pub(super) fn is_of_process(recorder: &dyn Recorder) -> bool {
    address(recorder) == OF_PROCESS.load(Relaxed)
}

fn address(recorder: &dyn Recorder) -> *mut () {
    ptr::from_ref(recorder).cast_mut().cast()
}
