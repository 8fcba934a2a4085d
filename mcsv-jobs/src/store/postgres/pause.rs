use super::PostgresStore;
use crate::Error;
use crate::store::Pause;

impl PostgresStore {
    pub(in crate::store) async fn pause(&self, pause: Pause) -> Result<(), Error> {
        let (statement, queue) = match &pause {
            Pause::Begin(queue) => (
                "INSERT INTO mcsv_job_pauses VALUES ($1, mcsv_jobs_now()) ON CONFLICT DO NOTHING",
                queue,
            ),
            Pause::End(queue) => ("DELETE FROM mcsv_job_pauses WHERE queue = $1", queue),
        };
        let pause = sqlx::query(statement).bind(queue);
        self.call(async |conn| pause.execute(conn).await.map(drop)).await
    }

    pub(in crate::store) async fn paused(&self) -> Result<Vec<String>, Error> {
        let paused = sqlx::query_scalar("SELECT queue FROM mcsv_job_pauses ORDER BY queue");
        self.call(async |conn| paused.fetch_all(conn).await).await
    }
}
