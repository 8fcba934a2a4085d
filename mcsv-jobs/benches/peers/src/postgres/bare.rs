//! The engine's own statements in a loop that does nothing else.

use mcsv_jobs::Jobs;
use tokio::time::Instant;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Statement};

use crate::BoxError;
use crate::case::Took;
use crate::job::fill;

const OWNER: &str = "bare.1";
const CLAIM: &str = include_str!("claim.sql");
const SETTLE: &str = include_str!("settle.sql");

pub(crate) async fn drain(count: u32, batch: i64) -> Result<Took, BoxError> {
    let database = super::database().await?;
    fill(&Jobs::connect(database.url()).await?, count).await?;
    super::vacuum(database.url()).await?;
    let mut client = connect(database.url()).await?;
    let (claim, settle) = (client.prepare(CLAIM).await?, client.prepare(SETTLE).await?);
    let start = Instant::now();
    let mut done: Vec<(i64, i64, i64)> = Vec::new();
    let mut place = (i32::MIN, i64::MIN, i64::MIN);
    loop {
        let tx = client.transaction().await?;
        if !done.is_empty() {
            end(tx.client(), &settle, &done).await?;
        }
        let (priority, at, id) = place;
        let claimed: [&(dyn ToSql + Sync); 8] =
            [&"bench", &batch, &OWNER, &30_000_i64, &priority, &at, &id, &i64::MIN];
        let rows = tx.query(&claim, &claimed).await?;
        if let Some(last) = rows.last() {
            place = (last.get("priority"), last.get("scheduled_at"), last.get("id"));
        }
        // The arguments are read as a worker would.
        done = rows
            .iter()
            .map(|row| {
                let _: Vec<u8> = row.get("args");
                (row.get("id"), row.get("fence"), row.get("attempted_at"))
            })
            .collect();
        tx.commit().await?;
        if done.is_empty() {
            break;
        }
    }
    let time = start.elapsed();
    let left: i64 = client
        .query_one("SELECT count(*) FROM mcsv_jobs WHERE state <> 'completed'", &[])
        .await?
        .get(0);
    if left > 0 {
        return Err(format!("{left} are not completed").into());
    }
    Ok(Took { jobs: count, time })
}

async fn end(
    client: &Client,
    settle: &Statement,
    done: &[(i64, i64, i64)],
) -> Result<(), BoxError> {
    let ids: Vec<i64> = done.iter().map(|(id, ..)| *id).collect();
    let (_, fence, started) = done[0];
    let rows = client.query(settle, &[&ids, &fence, &OWNER, &[started].as_slice()]).await?;
    if rows.len() != done.len() {
        return Err("a fence was lost in a loop of one".into());
    }
    Ok(())
}

async fn connect(url: &str) -> Result<Client, BoxError> {
    // Its URLs name a folder of a socket in another way than sqlx's.
    let (rest, folder) = url.split_once("?host=").ok_or("a URL without a socket")?;
    let name = rest.rsplit('/').next().unwrap_or_default();
    let config = format!("host={folder} user=mcsv dbname={name}");
    let (client, connection) = tokio_postgres::connect(&config, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
