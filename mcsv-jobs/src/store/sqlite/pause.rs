use std::pin::Pin;

use sqlx::SqliteConnection;

use super::{SqliteStore, Write, now};
use crate::Error;
use crate::store::Pause;

impl Write for Pause {
    type Reply = ();

    fn apply<'a>(
        &'a self,
        conn: &'a mut SqliteConnection,
    ) -> Pin<Box<dyn Future<Output = Result<(), sqlx::Error>> + Send + 'a>> {
        Box::pin(async move {
            let (statement, queue) = match self {
                Pause::Begin(queue) => (
                    concat!(
                        "INSERT INTO mcsv_job_pauses VALUES (?1, ",
                        now!(),
                        ") ON CONFLICT DO NOTHING"
                    ),
                    queue,
                ),
                Pause::End(queue) => ("DELETE FROM mcsv_job_pauses WHERE queue = ?1", queue),
            };
            sqlx::query(statement).bind(queue).execute(conn).await?;
            Ok(())
        })
    }
}

impl SqliteStore {
    pub(in crate::store) async fn paused(&self) -> Result<Vec<String>, Error> {
        let paused = sqlx::query_scalar("SELECT queue FROM mcsv_job_pauses ORDER BY queue")
            .fetch_all(&self.readers)
            .await?;
        Ok(paused)
    }
}
