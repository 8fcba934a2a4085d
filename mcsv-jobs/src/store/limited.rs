use super::{Claim, ClaimReply, Claimed, LIMITED_WINDOW};
use crate::Limits;
use crate::limits::Candidate;
use crate::new_job::millis;

/// What a limited claim counts and takes, on a connection whose transaction keeps everybody else
/// from claiming of the same queue meanwhile.
pub(crate) trait Counted: Send {
    /// Milliseconds until a job falls due; what is due already waits for a place and not for a time.
    fn next_due(&mut self, queue: &str) -> impl Counting<Option<i64>>;

    fn running(&mut self, queue: &str) -> impl Counting<i64>;

    /// How many were started within the period, and in how many milliseconds the first of them is
    /// no longer within. It forgets those before.
    fn starts(&mut self, queue: &str, period: i64) -> impl Counting<(i64, Option<i64>)>;

    fn count_starts(&mut self, queue: &str, claimed: usize) -> impl Counting<()>;

    /// Those that could start, in their order; the jobs of full partitions are not read at all.
    fn candidates(&mut self, claim: &Claim, limits: &Limits) -> impl Counting<Vec<Candidate>>;

    /// Starts those of these jobs that still wait.
    fn take(&mut self, claim: &Claim, ids: &[i64]) -> impl Counting<Vec<Claimed>>;
}

/// An answer of the database.
pub(crate) trait Counting<T>: Future<Output = Result<T, sqlx::Error>> + Send {}

impl<T, F: Future<Output = Result<T, sqlx::Error>> + Send> Counting<T> for F {}

/// Claims what the limits let through, and tells when to look again.
pub(crate) async fn claim(
    conn: &mut impl Counted,
    claim: &Claim,
    limits: &Limits,
    reply: &mut ClaimReply,
) -> Result<(), sqlx::Error> {
    reply.limited = true;
    reply.next_due = conn.next_due(&claim.queue).await?;
    let (started, _) = starts(conn, claim, limits).await?;
    let room = limits.room(claim.room, conn.running(&claim.queue).await?, started);
    if room > 0 {
        let candidates = conn.candidates(claim, limits).await?;
        let more = candidates.len() >= LIMITED_WINDOW;
        let ids = limits.pick(room, candidates);
        reply.claimed = conn.take(claim, &ids).await?;
        // Behind those of partitions that are full by now there may be others.
        reply.look_within((more && ids.len() < room).then_some(0));
        if limits.rate().is_some() && !reply.claimed.is_empty() {
            conn.count_starts(&claim.queue, reply.claimed.len()).await?;
        }
    }
    let (started, until_free) = starts(conn, claim, limits).await?;
    if limits.room(1, 0, started) == 0 {
        reply.look_within(until_free);
    }
    Ok(())
}

async fn starts(
    conn: &mut impl Counted,
    claim: &Claim,
    limits: &Limits,
) -> Result<(i64, Option<i64>), sqlx::Error> {
    match limits.rate() {
        Some((_, period)) => conn.starts(&claim.queue, millis(period)).await,
        None => Ok((0, None)),
    }
}
