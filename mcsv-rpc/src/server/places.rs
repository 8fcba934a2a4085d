use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The calls that may run at a time.
///
/// Nobody waits for a place, so this is a count where a semaphore would keep a queue.
#[derive(Debug)]
pub(crate) struct Places {
    most: usize,
    taken: AtomicUsize,
}

impl Places {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Places { most, taken: AtomicUsize::new(0) })
    }

    /// A place, where one is free.
    pub(crate) fn take(self: &Arc<Self>) -> Option<Place> {
        let place = Place(self.clone());
        // Dropped where it was one too many, which gives it back.
        (self.taken.fetch_add(1, Relaxed) < self.most).then_some(place)
    }
}

/// One of the places, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place(Arc<Places>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_it_is_dropped() {
        let places = Places::new(2);
        let (first, second) = (places.take(), places.take());
        assert!(first.is_some() && second.is_some());
        assert!(places.take().is_none() && places.take().is_none());
        drop(first);
        let third = places.take();
        assert!(third.is_some() && places.take().is_none());
    }
}
