use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::activity::Activity;

/// How long a connection may keep the server waiting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For a whole request head, and for the greeting of HTTP/2.
    pub(crate) head: Duration,
    /// For another request where none is under way.
    pub(crate) idle: Duration,
    /// For any progress in sending.
    pub(crate) write: Duration,
}

/// Why a connection has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    Head,
    Idle,
    Write,
}

/// Looks at a connection now and then, and finds what lasts too long.
///
/// It looks four times within the shortest patience, so it finds out at most a quarter of that
/// late. Hyper's own time-out for heads sets a timer for each request; this sets one for many.
#[derive(Debug)]
pub(crate) struct Watchdog {
    activity: Arc<Activity>,
    pub(crate) patience: Patience,
    head: Clock,
    idle: Clock,
    socket: Clock,
    window: Clock,
}

impl Watchdog {
    pub(crate) fn new(activity: Arc<Activity>, patience: Patience) -> Self {
        let clock = || Clock { mark: None, since: Instant::now() };
        let (head, idle, socket, window) = (clock(), clock(), clock(), clock());
        Watchdog { activity, patience, head, idle, socket, window }
    }

    /// Waits until the client is late.
    ///
    /// # Cancel safety
    ///
    /// A later call goes on where this one was dropped.
    pub(crate) async fn overdue(&mut self) -> Overdue {
        loop {
            let now = Instant::now();
            if let Some(overdue) = self.look(now) {
                return overdue;
            }
            let Patience { head, idle, write } = self.patience;
            let pause = head.min(idle).min(write) / 4;
            sleep_until(now + pause.max(Duration::from_millis(1))).await;
        }
    }

    fn look(&mut self, now: Instant) -> Option<Overdue> {
        let waits = self.activity.waits();
        let Patience { head, idle, write } = self.patience;
        let late = [
            (self.head.runs_over(waits.head, now, head), Overdue::Head),
            (self.idle.runs_over(waits.request, now, idle), Overdue::Idle),
            (self.socket.runs_over(waits.socket, now, write), Overdue::Write),
            (self.window.runs_over(waits.window, now, write), Overdue::Write),
        ];
        late.into_iter().find(|(late, _)| *late).map(|(_, what)| what)
    }
}

/// Measures how long one wait has been without progress.
#[derive(Debug)]
struct Clock {
    mark: Option<u64>,
    since: Instant,
}

impl Clock {
    fn runs_over(&mut self, wait: Option<u64>, now: Instant, patience: Duration) -> bool {
        if self.mark != wait {
            *self = Clock { mark: wait, since: now };
        }
        wait.is_some() && now.duration_since(self.since) >= patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        head: Duration::from_secs(10),
        idle: Duration::from_secs(60),
        write: Duration::from_secs(30),
    };

    async fn check(activity: Arc<Activity>, expected: Overdue, within: std::ops::Range<u64>) {
        let begun = Instant::now();
        assert_eq!(Watchdog::new(activity, PATIENCE).overdue().await, expected);
        let after = begun.elapsed().as_millis() as u64 / 1000;
        assert!(within.contains(&after), "{expected:?} after {after} s");
    }

    #[tokio::test(start_paused = true)]
    async fn each_wait_has_its_own_patience() {
        let silent = Arc::new(Activity::default());
        check(silent, Overdue::Head, 10..13).await;

        let idle = Arc::new(Activity::default());
        drop(idle.begin(false));
        check(idle, Overdue::Idle, 60..63).await;

        let blocked = Arc::new(Activity::default());
        let _call = blocked.begin(false);
        blocked.block();
        check(blocked, Overdue::Write, 30..33).await;

        let untaken = Arc::new(Activity::default());
        untaken.begin(true).offer();
        let mut call = untaken.begin(true);
        call.offer();
        check(untaken, Overdue::Write, 30..33).await;
    }

    #[tokio::test(start_paused = true)]
    async fn progress_starts_the_wait_anew() {
        let activity = Arc::new(Activity::default());
        let _call = activity.begin(false);
        let writing = activity.clone();
        let progress = async move {
            for _ in 0..5 {
                writing.block();
                tokio::time::sleep(Duration::from_secs(20)).await;
                writing.wrote(1);
            }
            writing.block();
        };
        let mut watchdog = Watchdog::new(activity, PATIENCE);
        let begun = Instant::now();
        let (overdue, ()) = tokio::join!(watchdog.overdue(), progress);
        assert_eq!(overdue, Overdue::Write);
        assert!(begun.elapsed() >= Duration::from_secs(130), "{:?}", begun.elapsed());
    }
}
