//! How the server finds what is asked for most, in its own words.

use sqlx::postgres::PgArguments;
use sqlx::query::QueryScalar;
use sqlx::{AssertSqlSafe, Postgres};

use super::PostgresStore;
use super::complete::KEEP;
use super::read::leases::DEPTHS;
use super::read::log::PAGE;
use crate::{Error, EventCursor};

type Plan<'a> = QueryScalar<'a, Postgres, String, PgArguments>;

impl PostgresStore {
    pub(in crate::store) async fn plan_of_depths(&self) -> Result<String, Error> {
        self.steps(explain(DEPTHS)).await
    }

    pub(in crate::store) async fn plan_of_events_after(
        &self,
        cursor: EventCursor,
    ) -> Result<String, Error> {
        let plan = explain(PAGE).bind(cursor.transaction.to_string());
        self.steps(plan.bind(cursor.sequence).bind(500_i64)).await
    }

    pub(in crate::store) async fn plan_of_completion(&self, ids: &[i64]) -> Result<String, Error> {
        let plan = explain(KEEP).bind(ids).bind(1_i64).bind("owner");
        self.steps(plan.bind([0_i64].as_slice())).await
    }

    async fn steps(&self, plan: Plan<'_>) -> Result<String, Error> {
        Ok(plan.fetch_all(self.engine()).await?.join("\n"))
    }
}

fn explain<'a>(statement: &str) -> Plan<'a> {
    sqlx::query_scalar(AssertSqlSafe(format!("EXPLAIN {statement}")))
}
