use sqlx::PgPool;

/// Each step is applied once, in order, and never edited after a release.
const STEPS: [&str; 6] = [
    include_str!("schema_1.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
    include_str!("schema_6.sql"),
];
/// The advisory lock under which one process at a time migrates: "mcsvjobs" in ASCII.
const LOCK: i64 = 0x6d63_7376_6a6f_6273;

/// Brings the schema to its newest version; processes that start together take turns.
pub(super) async fn migrate(pool: &PgPool) -> Result<(), sqlx::Error> {
    let mut tx = pool.begin().await?;
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
    tx.commit().await
}
