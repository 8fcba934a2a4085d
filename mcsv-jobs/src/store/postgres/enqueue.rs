use sqlx::{Connection, PgConnection};

use super::PostgresStore;
use super::connect::outlast_races;
use super::notify::TELL_EACH;
use super::unlogged::begin_log;
use crate::Error;
use crate::store::{Inserted, Row, key_stands};

/// How often a batch is tried when the key of the job that kept a row out goes just then.
const TRIES: usize = 5;

impl PostgresStore {
    pub(in crate::store) async fn insert(&self, rows: Vec<Row>) -> Result<Vec<Inserted>, Error> {
        let rows: Vec<&Row> = rows.iter().collect();
        let ask = async |conn: &mut PgConnection| outlast_races!(insert_whole(conn, &rows));
        self.call_about(rows.len(), ask).await
    }
}

async fn insert_whole(
    conn: &mut PgConnection,
    rows: &[&Row],
) -> Result<Vec<Inserted>, sqlx::Error> {
    if rows.iter().all(|row| row.unique_key.is_none()) {
        return insert(conn, rows).await;
    }
    // Whose key kept a row out is asked in a second statement. It must not find half a batch committed,
    // nor must that job be invisible, whatever the database's own default.
    let mut tx = conn.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
    let inserted = insert(&mut tx, rows).await?;
    tx.commit().await?;
    Ok(inserted)
}

/// Inserts jobs in a caller's transaction, whose commit tells the workers.
pub(crate) async fn insert_on_pg(
    conn: &mut PgConnection,
    rows: &[&Row],
) -> Result<Vec<Inserted>, sqlx::Error> {
    let inserted = insert(conn, rows).await?;
    sqlx::query(TELL_EACH).bind(column(rows, |row| row.queue.clone())).execute(conn).await?;
    Ok(inserted)
}

/// Inserts a batch with its events; the answers are in the order of the rows.
pub(super) async fn insert(
    conn: &mut PgConnection,
    rows: &[&Row],
) -> Result<Vec<Inserted>, sqlx::Error> {
    let mut answers: Vec<Option<Inserted>> = vec![None; rows.len()];
    let mut replacing = Vec::new();
    for _ in 0..TRIES {
        let open: Vec<usize> = (0..rows.len()).filter(|&index| answers[index].is_none()).collect();
        let batch: Vec<&Row> = open.iter().map(|&index| rows[index]).collect();
        let inserted = insert_rows(conn, &batch).await?;
        let mut kept_out = Vec::new();
        for (&index, (id, is_new, unique_from)) in open.iter().zip(inserted) {
            if is_new {
                answers[index] = Some(Inserted::new(id, true)?);
            } else {
                kept_out.push((index, unique_from));
            }
        }
        for (place, id) in holders(conn, rows, &kept_out).await? {
            let index = usize::try_from(place - 1).ok().and_then(|place| kept_out.get(place));
            if let Some(&(index, _)) = index {
                answers[index] = Some(Inserted::new(id, false)?);
                replacing.extend(rows[index].replaces().then_some((index, id)));
            }
        }
        if answers.iter().all(Option::is_some) {
            break;
        }
    }
    let mut answers =
        answers.into_iter().collect::<Option<Vec<_>>>().ok_or(sqlx::Error::RowNotFound)?;
    if !replacing.is_empty() {
        // The holders come in any order, and of several rows of one the last counts.
        replacing.sort_unstable();
        let replaced = replace(conn, rows, &replacing).await?;
        for (index, id) in replacing {
            answers[index].is_replaced = replaced.contains(&id);
        }
    }
    Ok(answers)
}

/// The ids in the order of the rows, whether each is new, and when its period began. One statement: the
/// jobs and their events, or nothing.
async fn insert_rows(
    conn: &mut PgConnection,
    rows: &[&Row],
) -> Result<Vec<(i64, bool, i64)>, sqlx::Error> {
    // Keys are inserted in their order, so that two batches with the same keys cannot deadlock.
    sqlx::query_as(
        "WITH batch AS MATERIALIZED (
            SELECT nextval(pg_get_serial_sequence('mcsv_jobs', 'id')) AS id, now, start, given.*,
                CASE WHEN period > 0 THEN start - start % period ELSE 0 END AS unique_from
            FROM (SELECT mcsv_jobs_now() AS now) AS clock, unnest($1::TEXT[], $2::TEXT[],
                $3::INTEGER[], $4::INTEGER[], $5::BIGINT[], $6::BIGINT[], $7::TEXT[], $8::TEXT[],
                $9::TEXT[], $10::BYTEA[], $11::TEXT[], $12::BIGINT[], $13::TEXT[],
                $14::TEXT[], $15::INTEGER[], $16::BIGINT[], $17::BOOLEAN[]) WITH ORDINALITY AS given (kind, queue,
                priority, max_attempts, delay, at, unique_key, traceparent, tracestate, args,
                partition_key, batch_id, chain, key_id, unique_states, period, is_logged,
                place),
                LATERAL (SELECT coalesce(given.at, now + delay) AS start) AS starting
         ), inserted AS (
            INSERT INTO mcsv_jobs (id, kind, queue, state, priority, max_attempts, scheduled_at,
                inserted_at, budget_from, unique_key, traceparent, tracestate, args,
                partition_key, batch_id, chain, key_id, unique_states, unique_from, is_logged,
                logged_in)
            SELECT id, kind, queue,
                CASE WHEN start > now THEN 'scheduled' ELSE 'available' END, priority,
                max_attempts, greatest(start, now), now, now, unique_key, traceparent, tracestate, args,
                partition_key, batch_id, chain, key_id, unique_states, unique_from, is_logged,
                CASE WHEN is_logged THEN pg_current_xact_id() ELSE '0' END
            FROM batch ORDER BY kind, unique_key, unique_from, place
            ON CONFLICT DO NOTHING
            RETURNING id, inserted_at, state, attempt, is_logged
         ), logged AS (
            INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt)
            SELECT id, inserted_at, 'enqueued', state, attempt FROM inserted
            WHERE is_logged ORDER BY id
         )
         SELECT batch.id, inserted.id IS NOT NULL, unique_from
         FROM batch LEFT JOIN inserted USING (id) ORDER BY batch.place",
    )
    .bind(column(rows, |row| row.kind.clone()))
    .bind(column(rows, |row| row.queue.clone()))
    .bind(column(rows, |row| row.priority))
    .bind(column(rows, |row| i32::try_from(row.max_attempts).unwrap_or(i32::MAX)))
    .bind(column(rows, |row| row.delay))
    .bind(column(rows, |row| row.at))
    .bind(column(rows, |row| row.unique_key.clone()))
    .bind(column(rows, |row| row.traceparent.clone()))
    .bind(column(rows, |row| row.tracestate.clone()))
    .bind(column(rows, |row| row.args.clone()))
    .bind(column(rows, |row| row.partition_key.clone()))
    .bind(column(rows, |row| row.batch_id))
    .bind(column(rows, |row| row.chain.clone()))
    .bind(column(rows, |row| row.key_id.clone()))
    .bind(column(rows, |row| i32::from(row.unique_states)))
    .bind(column(rows, |row| row.unique_period))
    .bind(column(rows, |row| row.is_logged))
    .fetch_all(conn)
    .await
}

pub(super) fn column<R, T>(rows: &[&R], field: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(|row| field(row)).collect()
}

/// The jobs whose unique keys kept rows out, by the places of these in `kept_out` from 1; none of a job
/// whose key has gone since. `kept_out` has the index of each row, and when its period began.
async fn holders(
    conn: &mut PgConnection,
    rows: &[&Row],
    kept_out: &[(usize, i64)],
) -> Result<Vec<(i64, i64)>, sqlx::Error> {
    if kept_out.is_empty() {
        return Ok(Vec::new());
    }
    let all: Vec<&Row> = kept_out.iter().map(|(index, _)| rows[*index]).collect();
    sqlx::query_as(concat!(
        "SELECT place, id FROM unnest($1::TEXT[], $2::TEXT[], $3::BIGINT[]) WITH ORDINALITY
            AS given (kind, unique_key, unique_from, place)
            JOIN mcsv_jobs AS holder USING (kind, unique_key, unique_from)
         WHERE ",
        key_stands!("holder")
    ))
    .bind(column(&all, |row| row.kind.clone()))
    .bind(column(&all, |row| row.unique_key.clone()))
    .bind(kept_out.iter().map(|(_, unique_from)| *unique_from).collect::<Vec<_>>())
    .fetch_all(conn)
    .await
}

/// Has the jobs that still wait take over what the rows at these indexes replace, each from the last of
/// its rows; the ids of these jobs.
async fn replace(
    conn: &mut PgConnection,
    rows: &[&Row],
    replacing: &[(usize, i64)],
) -> Result<Vec<i64>, sqlx::Error> {
    let all: Vec<&Row> = replacing.iter().map(|(index, _)| rows[*index]).collect();
    let ids: Vec<i64> = replacing.iter().map(|(_, id)| *id).collect();
    // Locked in the order of their ids, so that two batches with the same jobs cannot deadlock. Those that
    // run are not to wait for a caller's transaction.
    let waiting: Vec<i64> = sqlx::query_scalar(
        "SELECT id FROM mcsv_jobs
         WHERE id = ANY ($1) AND state IN ('available', 'scheduled', 'retryable')
         ORDER BY id FOR UPDATE",
    )
    .bind(&ids)
    .fetch_all(&mut *conn)
    .await?;
    begin_log(conn, &waiting).await?;
    sqlx::query_scalar(
        "WITH clock AS MATERIALIZED (
            SELECT mcsv_jobs_now() AS now
         ), new AS MATERIALIZED (
            SELECT DISTINCT ON (given.id) given.*, now, coalesce(at, now + delay) AS start
            FROM clock, unnest($1::BIGINT[], $2::INTEGER[], $3::BYTEA[], $4::TEXT[], $5::BIGINT[],
                $6::BIGINT[], $7::INTEGER[], $8::INTEGER[]) WITH ORDINALITY AS given (id, replace,
                args, key_id, delay, at, priority, max_attempts, place)
            WHERE given.id = ANY ($9)
            ORDER BY given.id, place DESC
         ), changed AS (
            UPDATE mcsv_jobs AS job SET
                args = CASE WHEN replace & 1 > 0 THEN new.args ELSE job.args END,
                key_id = CASE WHEN replace & 1 > 0 THEN new.key_id ELSE job.key_id END,
                state = CASE WHEN replace & 2 = 0 THEN job.state
                    WHEN start > now THEN 'scheduled' ELSE 'available' END,
                scheduled_at = CASE WHEN replace & 2 > 0 THEN greatest(start, now)
                    ELSE job.scheduled_at END,
                priority = CASE WHEN replace & 4 > 0 THEN new.priority ELSE job.priority END,
                max_attempts = CASE WHEN replace & 8 > 0 THEN new.max_attempts
                    ELSE job.max_attempts END,
                logged_in = greatest(logged_in, pg_current_xact_id())
            FROM new WHERE job.id = new.id
            RETURNING job.id, now, job.state, job.attempt, job.logged_in
         ), logged AS (
            INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt, transaction_id)
            SELECT id, now, 'replaced', state, attempt, logged_in FROM changed ORDER BY id
         )
         SELECT id FROM changed",
    )
    .bind(ids)
    .bind(column(&all, |row| i32::try_from(row.replace).unwrap_or(0)))
    .bind(column(&all, |row| row.args.clone()))
    .bind(column(&all, |row| row.key_id.clone()))
    .bind(column(&all, |row| row.delay))
    .bind(column(&all, |row| row.at))
    .bind(column(&all, |row| row.priority))
    .bind(column(&all, |row| i32::try_from(row.max_attempts).unwrap_or(i32::MAX)))
    .bind(waiting)
    .fetch_all(conn)
    .await
}
