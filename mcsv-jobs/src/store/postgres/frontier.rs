use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::Row as _;
use sqlx::postgres::PgRow;
use tokio::time::Instant;

/// A search from the beginning may take one part in so many of the time.
const SHARE: u32 = 20;
/// How soon there is another one, at the earliest and at the latest.
const SOONEST: Duration = Duration::from_millis(100);
const LATEST: Duration = Duration::from_secs(5);

/// Where in the order of a queue a job is that was waiting there, and since when the jobs are due that waited
/// for their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) priority: i32,
    pub(super) scheduled_at: i64,
    pub(super) id: i64,
    pub(super) due_from: i64,
}

/// How far the claims of this process have come in each queue that has more than they can take.
///
/// The index of what can be claimed keeps an entry of each job that was, until a vacuum, and a search
/// from its beginning walks over them all. While any transaction is open that is older than they are, it
/// looks each of them up in the table as well: with a hundred thousand of them that takes longer than
/// all else that a claim does. So a claim of such a queue starts where the last one ended.
///
/// Before that place comes what is more urgent, which it looks for too, and what was committed late, was
/// locked by somebody or was given back. To find these, a claim starts at the beginning now and then, and
/// whenever it would find nothing after the last one.
#[derive(Default)]
pub(super) struct Frontiers(Mutex<HashMap<String, Frontier>>);

struct Frontier {
    place: Place,
    /// When a search from the beginning is due.
    whole_at: Instant,
}

impl Frontiers {
    /// Where the next claim of the queue starts; none to start at the beginning.
    pub(super) fn of(&self, queue: &str) -> Option<Place> {
        let mut frontiers = self.lock();
        let frontier = frontiers.get_mut(queue)?;
        let now = Instant::now();
        if now < frontier.whole_at {
            return Some(frontier.place);
        }
        // One at a time: the others go on meanwhile.
        frontier.whole_at = now + LATEST;
        None
    }

    /// A search from the beginning ended at `place`, and took so long.
    pub(super) fn found(&self, queue: &str, place: Place, took: Duration) {
        let whole_at = Instant::now() + took.saturating_mul(SHARE).clamp(SOONEST, LATEST);
        self.lock().insert(queue.to_owned(), Frontier { place, whole_at });
    }

    /// A claim that started at the frontier ended at `place`.
    pub(super) fn moved(&self, queue: &str, place: Place) {
        if let Some(frontier) = self.lock().get_mut(queue) {
            frontier.place = place;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Frontier>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// What comes before every job.
    pub(super) const BEGINNING: Place =
        Place { priority: i32::MIN, scheduled_at: i64::MIN, id: i64::MIN, due_from: i64::MIN };

    /// That of the last row of a claim that started here.
    ///
    /// Of the jobs that waited for their time it had the earliest before it, up to that of `due_until`, and
    /// took those that come before the row. Others of them that are as urgent come after both times.
    pub(super) fn moved_to(self, last: &PgRow) -> Result<Self, sqlx::Error> {
        let scheduled_at = last.try_get("scheduled_at")?;
        let due_until: Option<i64> = last.try_get("due_until")?;
        Ok(Place {
            priority: last.try_get("priority")?,
            scheduled_at,
            id: last.try_get("id")?,
            due_from: due_until.map_or(self.due_from, |until| until.min(scheduled_at)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(id: i64) -> Place {
        Place { id, ..Place::BEGINNING }
    }

    #[tokio::test(start_paused = true)]
    async fn one_claim_in_a_while_starts_at_the_beginning() {
        let frontiers = Frontiers::default();
        assert_eq!(frontiers.of("notes"), None);
        frontiers.found("notes", place(1), Duration::from_millis(1));
        frontiers.moved("notes", place(2));
        assert_eq!(frontiers.of("notes"), Some(place(2)));
        assert_eq!(frontiers.of("others"), None);

        tokio::time::advance(SOONEST).await;
        assert_eq!(frontiers.of("notes"), None);
        assert_eq!(frontiers.of("notes"), Some(place(2)), "one at a time");
    }

    #[tokio::test(start_paused = true)]
    async fn the_longer_it_takes_the_longer_until_the_next_one() {
        let frontiers = Frontiers::default();
        frontiers.found("notes", place(1), Duration::from_millis(50));
        tokio::time::advance(Duration::from_millis(999)).await;
        assert_eq!(frontiers.of("notes"), Some(place(1)));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(frontiers.of("notes"), None);

        frontiers.found("notes", place(2), Duration::from_secs(60));
        tokio::time::advance(LATEST).await;
        assert_eq!(frontiers.of("notes"), None);
    }
}
