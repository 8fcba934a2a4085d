use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::activity::{Activity, Wish};

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

/// Looks at all connections of a server now and then, and finds what lasts too long.
///
/// It looks four times within the shortest patience, so it finds out at most a quarter of that
/// late. Hyper's own time-out for heads sets a timer for each request; this sets one for the server,
/// and a connection pays for it with a look at one number whenever it is woken.
#[derive(Debug)]
pub(crate) struct Watchdog {
    patience: Patience,
    connections: Vec<Connection>,
    next: Instant,
}

impl Watchdog {
    pub(crate) fn new(patience: Patience) -> Self {
        Watchdog { patience, connections: Vec::new(), next: Instant::now() }
    }

    /// Watches a connection until its task drops `activity`; it has to leave after `max_age`.
    pub(crate) fn watch(&mut self, activity: Arc<Activity>, max_age: Option<Duration>) {
        let now = Instant::now();
        let leaves = max_age.map(|age| now + age);
        self.next = self.next.min(leaves.unwrap_or(self.next));
        self.connections.push(Connection::new(activity, leaves, now));
    }

    /// Whether there is nothing to look at.
    pub(crate) fn is_idle(&self) -> bool {
        self.connections.is_empty()
    }

    /// Waits until it is time, then looks at each connection once.
    ///
    /// # Cancel safety
    ///
    /// A later call goes on where this one was dropped.
    pub(crate) async fn look(&mut self) {
        sleep_until(self.next).await;
        let (now, patience) = (Instant::now(), self.patience);
        let pause = patience.head.min(patience.idle).min(patience.write) / 4;
        self.next = now + pause.max(Duration::from_millis(1));
        self.connections.retain_mut(|connection| {
            if Arc::strong_count(&connection.activity) == 1 {
                return false;
            }
            connection.look(now, patience);
            let leaves = connection.leaves.filter(|leaves| *leaves > now);
            self.next = self.next.min(leaves.unwrap_or(self.next));
            true
        });
    }

    /// Asks every connection to end once it has answered what it has accepted.
    pub(crate) fn dismiss(&self) {
        self.connections.iter().for_each(|connection| connection.activity.wish(Wish::Leave));
    }
}

/// One connection, and how long each of its waits has been without progress.
#[derive(Debug)]
struct Connection {
    activity: Arc<Activity>,
    leaves: Option<Instant>,
    head: Clock,
    idle: Clock,
    socket: Clock,
    window: Clock,
}

impl Connection {
    fn new(activity: Arc<Activity>, leaves: Option<Instant>, now: Instant) -> Self {
        let clock = || Clock { mark: None, since: now };
        let (head, idle, socket, window) = (clock(), clock(), clock(), clock());
        Connection { activity, leaves, head, idle, socket, window }
    }

    fn look(&mut self, now: Instant, Patience { head, idle, write }: Patience) {
        let (waits, wished) = (self.activity.waits(), self.activity.wished());
        // A connection that should leave is not waited for as if it could still be of use.
        let idle = if wished == Wish::Stay { idle } else { idle.min(head) };
        let is_idle = self.idle.runs_over(waits.request, now, idle);
        let late = [
            (self.head.runs_over(waits.head, now, head), "head"),
            (self.socket.runs_over(waits.socket, now, write), "write"),
            (self.window.runs_over(waits.window, now, write), "write"),
            (is_idle && wished == Wish::Leave, "end"),
        ];
        let late = late.into_iter().find(|(late, _)| *late);
        if let Some((_, wait)) = late.filter(|_| wished != Wish::End) {
            tracing::debug!(wait, "cut off a connection");
            self.activity.wish(Wish::End);
        } else if is_idle || self.leaves.is_some_and(|leaves| leaves <= now) {
            self.activity.wish(Wish::Leave);
        }
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

    /// The seconds until a connection is wished away.
    async fn until(activity: &Arc<Activity>, wish: Wish) -> u64 {
        let mut watchdog = Watchdog::new(PATIENCE);
        let begun = Instant::now();
        watchdog.watch(activity.clone(), None);
        while activity.wished() != wish {
            watchdog.look().await;
        }
        begun.elapsed().as_secs()
    }

    #[track_caller]
    fn check(after: u64, within: std::ops::Range<u64>) {
        assert!(within.contains(&after), "after {after} s");
    }

    #[tokio::test(start_paused = true)]
    async fn each_wait_has_its_own_patience() {
        let silent = Arc::new(Activity::default());
        check(until(&silent, Wish::End).await, 10..13);

        let idle = Arc::new(Activity::default());
        drop(idle.begin());
        check(until(&idle, Wish::Leave).await, 60..63);
        check(until(&idle, Wish::End).await, 10..13);

        let blocked = Arc::new(Activity::default());
        let _call = blocked.begin();
        blocked.block();
        check(until(&blocked, Wish::End).await, 30..33);

        let untaken = Arc::new(Activity::default());
        untaken.set_http2();
        untaken.begin().offer();
        let mut call = untaken.begin();
        call.offer();
        check(until(&untaken, Wish::End).await, 30..33);
    }

    #[tokio::test(start_paused = true)]
    async fn progress_starts_the_wait_anew() {
        let activity = Arc::new(Activity::default());
        let _call = activity.begin();
        let writing = activity.clone();
        let progress = async move {
            for _ in 0..5 {
                writing.block();
                tokio::time::sleep(Duration::from_secs(20)).await;
                writing.wrote(1);
            }
            writing.block();
        };
        let (after, ()) = tokio::join!(until(&activity, Wish::End), progress);
        assert!(after >= 130, "after {after} s");
    }

    #[tokio::test(start_paused = true)]
    async fn an_age_is_found_to_the_millisecond() {
        let activity = Arc::new(Activity::default());
        let _call = activity.begin();
        let mut watchdog = Watchdog::new(PATIENCE);
        let begun = Instant::now();
        watchdog.watch(activity.clone(), Some(Duration::from_millis(7100)));
        while activity.wished() != Wish::Leave {
            watchdog.look().await;
        }
        let after = begun.elapsed().as_millis();
        assert!((7100..7105).contains(&after), "after {after} ms");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_gone_is_not_looked_at() {
        let activity = Arc::new(Activity::default());
        let mut watchdog = Watchdog::new(PATIENCE);
        watchdog.watch(activity.clone(), None);
        watchdog.look().await;
        assert!(!watchdog.is_idle());
        drop(activity);
        watchdog.look().await;
        assert!(watchdog.is_idle());
    }
}
