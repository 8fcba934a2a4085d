//! apalis-postgres.

use apalis::prelude::{TaskSink, WorkerBuilder, WorkerBuilderExt, WorkerContext};
use apalis_postgres::{Config, PgPool, PostgresStorage};
use sqlx::postgres::PgPoolOptions;
use tokio::time::Instant;

use crate::BoxError;
use crate::case::Took;
use crate::job::{Count, Nothing, nothing};

pub(crate) async fn drain(count: u32, batch: usize) -> Result<Took, BoxError> {
    let database = super::database().await?;
    let pool = open(database.url()).await?;
    let config = Config::default().queue("bench").batch_size(batch);
    let mut backend = PostgresStorage::<Nothing>::new(&pool).with_config(config);
    for from in (0..count).step_by(500) {
        let batch: Vec<_> = (from..count.min(from + 500)).map(|_| nothing()).collect();
        backend.push_bulk(batch).await?;
    }
    super::vacuum(database.url()).await?;
    let done = Count::to(count);
    let seen = done.clone();
    let context = WorkerContext::new("worker");
    let worker =
        WorkerBuilder::new(&context).backend(backend).concurrency(50).build(move |_: Nothing| {
            seen.one();
            async { Ok::<(), BoxError>(()) }
        });
    let start = Instant::now();
    let running = tokio::spawn(worker.run());
    done.all().await?;
    context.stop()?;
    running.await??;
    Ok(Took { jobs: count, time: start.elapsed() })
}

pub(crate) async fn enqueue(count: u32) -> Result<Took, BoxError> {
    let database = super::database().await?;
    let pool = open(database.url()).await?;
    let config = Config::default().queue("bench");
    let mut backend = PostgresStorage::<Nothing>::new(&pool).with_config(config);
    let start = Instant::now();
    for _ in 0..count {
        backend.push(nothing()).await?;
    }
    Ok(Took { jobs: count, time: start.elapsed() })
}

async fn open(url: &str) -> Result<PgPool, BoxError> {
    let pool = PgPoolOptions::new().max_connections(10).connect(url).await?;
    PostgresStorage::setup(&pool).await?;
    Ok(pool)
}
