//! How SQLite finds what is asked for most, in its own words.

use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Row as _, Sqlite};

use super::SqliteStore;
use super::complete::KEEP;
use super::enqueue::json;
use super::read::leases::DEPTHS;
use super::read::log::PAGE;
use crate::{Error, EventCursor};

type Plan<'a> = Query<'a, Sqlite, SqliteArguments>;

impl SqliteStore {
    pub(in crate::store) async fn plan_of_depths(&self) -> Result<String, Error> {
        self.steps(explain(DEPTHS)).await
    }

    pub(in crate::store) async fn plan_of_events_after(
        &self,
        cursor: EventCursor,
    ) -> Result<String, Error> {
        let plan = explain(PAGE).bind(0_i64).bind(cursor.sequence);
        self.steps(plan.bind(500_i64)).await
    }

    pub(in crate::store) async fn plan_of_completion(&self, ids: &[i64]) -> Result<String, Error> {
        // The last of its statements.
        let end = KEEP.rsplit(';').next().unwrap_or_default();
        let plan = explain(end).bind(json(ids)?).bind(1_i64).bind("owner");
        self.steps(plan.bind("[0]")).await
    }

    async fn steps(&self, plan: Plan<'_>) -> Result<String, Error> {
        let steps = plan.fetch_all(&self.readers).await?;
        let steps = steps.iter().map(|step| step.try_get("detail"));
        Ok(steps.collect::<Result<Vec<String>, _>>()?.join("\n"))
    }
}

fn explain<'a>(statement: &str) -> Plan<'a> {
    sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}")))
}
