use sqlx::{PgConnection, PgPool};

/// Each step is applied once, in order, and never edited after a release.
const STEPS: [&str; 7] = [
    include_str!("schema_1.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
    include_str!("schema_6.sql"),
    include_str!("schema_7.sql"),
];
/// The advisory lock under which one process at a time migrates: "mcsvjobs" in ASCII.
const LOCK: i64 = 0x6d63_7376_6a6f_6273;

/// Brings the schema to its newest version; processes that start together take turns.
pub(super) async fn migrate(pool: &PgPool) -> Result<(), sqlx::Error> {
    // Whoever waited for the lock must see what the one before him did, whatever the database's default.
    let mut tx = pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *tx).await?;
    let exists: bool = sqlx::query_scalar("SELECT to_regclass('mcsv_jobs_schema') IS NOT NULL")
        .fetch_one(&mut *tx)
        .await?;
    if !exists {
        sqlx::raw_sql("CREATE TABLE mcsv_jobs_schema (version INTEGER NOT NULL)")
            .execute(&mut *tx)
            .await?;
    }
    let done: i32 = sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM mcsv_jobs_schema")
        .fetch_one(&mut *tx)
        .await?;
    for (version, step) in (1..).zip(STEPS).skip(usize::try_from(done).unwrap_or(0)) {
        sqlx::raw_sql(step).execute(&mut *tx).await?;
        sqlx::query("INSERT INTO mcsv_jobs_schema (version) VALUES ($1)")
            .bind::<i32>(version)
            .execute(&mut *tx)
            .await?;
    }
    forget_foreign_transactions(&mut tx).await?;
    tx.commit().await
}

/// What was dumped on another server has the numbers of its transactions, which may be those of the
/// future here: such events would be held back, and the order of the log be none. They become older
/// than any transaction, in the order of their own numbers; cursors of before are refused from now on.
async fn forget_foreign_transactions(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    let are_foreign: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM mcsv_job_events
            WHERE transaction_id >= pg_snapshot_xmax(pg_current_snapshot()))",
    )
    .fetch_one(&mut *conn)
    .await?;
    if are_foreign {
        tracing::info!("the job database is from another server: numbering its events anew");
        sqlx::raw_sql(
            "UPDATE mcsv_job_events SET transaction_id = '0' WHERE transaction_id <> '0';
             UPDATE mcsv_jobs SET logged_in = '0' WHERE logged_in <> '0';
             UPDATE mcsv_job_log SET tag = 1 + floor(random() * 2147483647)",
        )
        .execute(conn)
        .await?;
    }
    Ok(())
}
