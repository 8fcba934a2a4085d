//! What a driver has told the database and not heard of yet.

use std::pin::Pin;

use tokio::time::Instant;

use super::in_flight::Ended;
use crate::Error;
use crate::store::{Leases, Report, SettleReply};

/// What is being written.
pub(super) struct Telling {
    pub(super) acks: Vec<Ended>,
    pub(super) reports: Vec<Report>,
    /// The jobs whose leases are looked at, with their fences.
    pub(super) held: Vec<(i64, i64)>,
    pub(super) leases: Leases,
    pub(super) since: Instant,
    pub(super) asked: Asked<SettleReply>,
}

/// A question to the database, which was put already.
pub(super) type Asked<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// What came of what was told. Cancel safe.
pub(super) async fn told(telling: &mut Option<Telling>) -> (Telling, Result<SettleReply, Error>) {
    let Some(asked) = telling.as_mut().map(|telling| &mut telling.asked) else {
        return std::future::pending().await;
    };
    let reply = asked.await;
    match telling.take() {
        Some(told) => (told, reply),
        None => std::future::pending().await,
    }
}
