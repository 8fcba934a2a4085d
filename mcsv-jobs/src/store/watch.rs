use std::sync::Arc;

#[cfg(feature = "postgres")]
use super::postgres::Presence;
use super::sqlite::DataVersion;
use super::{LeaseHolder, Store};
use crate::Error;
use crate::owner::Session;
use crate::wake::Bells;

/// What a look at the database found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Nothing,
    /// Somebody else enqueued.
    NewJobs,
    /// Somebody wrote, and it may have been anything.
    Change,
}

/// How a process learns what others do to its database.
pub(crate) enum Watch {
    Sqlite(DataVersion),
    #[cfg(feature = "postgres")]
    Postgres(Presence),
}

impl Watch {
    #[cfg_attr(not(feature = "postgres"), allow(unused_variables, reason = "SQLite is watched"))]
    pub(crate) fn new(store: &Store, session: &Arc<Session>, bells: &Arc<Bells>) -> Self {
        match store {
            Store::Sqlite(store) => Watch::Sqlite(DataVersion::new(store)),
            #[cfg(feature = "postgres")]
            Store::Postgres(store) => Watch::Postgres(Presence::spawn(store, session, bells)),
        }
    }

    /// Waits until a look may find something, where nobody tells the drivers themselves. Cancel safe.
    pub(crate) async fn written(&self) {
        match self {
            Watch::Sqlite(watch) => watch.written().await,
            #[cfg(feature = "postgres")]
            Watch::Postgres(_) => std::future::pending().await,
        }
    }

    /// What was written since the last look.
    pub(crate) async fn look(&mut self, store: &Store) -> Seen {
        match (self, store) {
            (Watch::Sqlite(watch), Store::Sqlite(store)) => watch.look(store).await,
            #[cfg(feature = "postgres")]
            _ => Seen::Nothing,
        }
    }

    /// Those of `holders` that have provably ended.
    pub(crate) async fn dead(
        &mut self,
        store: &Store,
        session: &Session,
        holders: &[LeaseHolder],
    ) -> Result<Vec<String>, Error> {
        match (self, store) {
            #[cfg(feature = "postgres")]
            (Watch::Postgres(presence), Store::Postgres(store)) => {
                presence.dead(store, session, holders).await
            }
            _ => {
                let owners = holders.iter().map(|holder| &holder.owner);
                Ok(owners.filter(|owner| session.is_dead(owner)).cloned().collect())
            }
        }
    }
}
