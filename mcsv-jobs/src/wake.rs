use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Notify;

/// The bells of the drivers in this process, by queue.
#[derive(Default)]
pub(crate) struct Bells {
    bells: Mutex<Vec<(Arc<str>, Weak<Bell>)>>,
}

/// How a driver is woken, and what for.
#[derive(Default)]
pub(crate) struct Bell {
    notify: Notify,
    news: Mutex<News>,
}

/// What happened since the driver last looked.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Another connection wrote: a running job may have been called off.
    pub(crate) changed: bool,
    /// Leases of the queue have run out, or their owners, which are named here, are dead.
    pub(crate) orphaned: Option<Vec<String>>,
}

impl Bells {
    pub(crate) fn add(&self, queue: &Arc<str>) -> Arc<Bell> {
        let bell = Arc::new(Bell::default());
        let mut bells = self.lock();
        bells.retain(|(_, bell)| bell.strong_count() > 0);
        bells.push((Arc::clone(queue), Arc::downgrade(&bell)));
        bell
    }

    /// New work in `queue`.
    pub(crate) fn ring(&self, queue: &str) {
        self.each(|name, bell| {
            if name == queue {
                bell.notify.notify_one();
            }
        });
    }

    /// New work in any queue.
    pub(crate) fn ring_each(&self) {
        self.each(|_, bell| bell.notify.notify_one());
    }

    /// Somebody wrote to the database.
    pub(crate) fn ring_all(&self) {
        self.each(|_, bell| bell.tell(|news| news.changed = true));
    }

    /// Anything may have happened.
    #[cfg(feature = "postgres")]
    pub(crate) fn ring_everything(&self) {
        self.ring_all();
    }

    pub(crate) fn orphaned(&self, queue: &str, dead: &[String]) {
        self.each(|name, bell| {
            if name == queue {
                bell.tell(|news| news.orphaned = Some(dead.to_vec()));
            }
        });
    }

    fn each(&self, tell: impl Fn(&str, &Bell)) {
        for (queue, bell) in self.lock().iter() {
            if let Some(bell) = bell.upgrade() {
                tell(queue, &bell);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(Arc<str>, Weak<Bell>)>> {
        self.bells.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bell {
    fn tell(&self, tell: impl FnOnce(&mut News)) {
        tell(&mut self.news.lock().unwrap_or_else(PoisonError::into_inner));
        self.notify.notify_one();
    }

    /// Waits for a ring. Cancel safe.
    pub(crate) async fn rung(&self) {
        self.notify.notified().await;
    }

    pub(crate) fn take_news(&self) -> News {
        std::mem::take(&mut self.news.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
