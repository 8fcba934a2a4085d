use sqlx::{Connection as _, PgConnection};

use super::PostgresStore;
use super::enqueue::insert;
use crate::Error;
use crate::store::{Inserted, TickOnce};

impl PostgresStore {
    /// None if somebody had this tick already, or if the schedule is new: what was before its first
    /// start was not missed.
    pub(in crate::store) async fn tick(&self, tick: TickOnce) -> Result<Option<Inserted>, Error> {
        self.engine_call(async |conn| write(conn, &tick).await).await
    }

    pub(in crate::store) async fn last_tick(&self, name: &str) -> Result<Option<i64>, Error> {
        let last = sqlx::query_scalar("SELECT last FROM mcsv_job_ticks WHERE name = $1").bind(name);
        self.engine_call(async |conn| last.fetch_optional(conn).await).await
    }
}

async fn write(conn: &mut PgConnection, tick: &TickOnce) -> Result<Option<Inserted>, sqlx::Error> {
    let mut tx = conn.begin().await?;
    let moved = sqlx::query("UPDATE mcsv_job_ticks SET last = $2 WHERE name = $1 AND last < $2")
        .bind(&tick.name)
        .bind(tick.tick)
        .execute(&mut *tx)
        .await?
        .rows_affected();
    let inserted = if moved == 1 {
        let rows: Vec<_> = tick.row.iter().collect();
        if rows.is_empty() { None } else { insert(&mut tx, &rows).await?.pop() }
    } else {
        sqlx::query("INSERT INTO mcsv_job_ticks VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(&tick.name)
            .bind(tick.tick)
            .execute(&mut *tx)
            .await?;
        None
    };
    tx.commit().await?;
    Ok(inserted)
}
