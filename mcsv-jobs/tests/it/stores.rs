//! Both stores keep all promises.

mod sqlite {
    use mcsv_jobs::BoxError;
    use mcsv_jobs::testing::Database;

    async fn fresh() -> Result<Option<Database>, BoxError> {
        Database::sqlite().map(Some)
    }

    mcsv_jobs::conformance!(fresh);
}

#[cfg(feature = "postgres")]
mod postgres {
    use mcsv_jobs::BoxError;
    use mcsv_jobs::testing::Database;

    async fn fresh() -> Result<Option<Database>, BoxError> {
        crate::server::database().await
    }

    mcsv_jobs::conformance!(fresh);
}
