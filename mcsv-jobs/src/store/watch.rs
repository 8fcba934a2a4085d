use std::sync::Arc;

#[cfg(feature = "postgres")]
use super::postgres::Presence;
use super::sqlite::DataVersion;
use super::{LeaseHolder, Store};
use crate::Error;
use crate::owner::Session;
use crate::wake::Bells;

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
            Store::Sqlite(_) => Watch::Sqlite(DataVersion::default()),
            #[cfg(feature = "postgres")]
            Store::Postgres(store) => Watch::Postgres(Presence::spawn(store, session, bells)),
        }
    }

    /// Whether anybody may have written since the last call; false where others tell by themselves.
    pub(crate) async fn has_changed(&mut self, store: &Store) -> bool {
        match (self, store) {
            (Watch::Sqlite(watch), Store::Sqlite(store)) => watch.has_changed(store).await,
            #[cfg(feature = "postgres")]
            _ => false,
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
