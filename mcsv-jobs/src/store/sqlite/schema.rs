use sqlx::{SqliteConnection, SqlitePool};

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

/// Brings the database to the newest schema.
///
/// The version lives in a table of its own, so that an application in the same database can keep
/// its own migrations with whatever tool it likes.
pub(super) async fn migrate(pool: &SqlitePool) -> Result<(), sqlx::Error> {
    if is_newest(pool).await? {
        // Whoever writes just now is not waited for.
        return Ok(());
    }
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS mcsv_jobs_schema (version INTEGER NOT NULL) STRICT")
        .execute(&mut *tx)
        .await?;
    let done = version(&mut tx).await?;
    for (index, step) in STEPS.into_iter().enumerate().skip(done) {
        sqlx::raw_sql(step).execute(&mut *tx).await?;
        sqlx::query("INSERT INTO mcsv_jobs_schema (version) VALUES (?1)")
            .bind(i64::try_from(index + 1).unwrap_or(i64::MAX))
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await
}

async fn is_newest(pool: &SqlitePool) -> Result<bool, sqlx::Error> {
    let mut conn = pool.acquire().await?;
    let exists = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'mcsv_jobs_schema')";
    let exists: bool = sqlx::query_scalar(exists).fetch_one(&mut *conn).await?;
    Ok(exists && version(&mut conn).await? >= STEPS.len())
}

async fn version(conn: &mut SqliteConnection) -> Result<usize, sqlx::Error> {
    let version: i64 = sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM mcsv_jobs_schema")
        .fetch_one(conn)
        .await?;
    Ok(usize::try_from(version).unwrap_or(0))
}
