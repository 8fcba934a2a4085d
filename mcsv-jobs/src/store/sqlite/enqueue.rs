use serde::Serialize;
use sqlx::SqliteConnection;

use super::now;
use super::script::{Answers, Argument, Script};
use super::unlogged::{is_logged, log_before};
use crate::store::{Inserted, Row, key_stands};

/// Inserts a batch with its events; the answers are in the order of the rows.
pub(crate) async fn insert(
    conn: &mut SqliteConnection,
    rows: &[&Row],
) -> Result<Vec<Inserted>, sqlx::Error> {
    let mut script = Script::default();
    write(&mut script, rows)?;
    read(&mut script.run(conn).await?, rows)
}

/// The ids are taken first, so that a transaction has the write lock at once, and with them the time, so
/// that all statements are of one period.
const TAKE_IDS: &str = concat!("UPDATE mcsv_job_ids SET last = last + ?2, batch_at = ", now!());

/// The rows of the batch, with their ids, their times and the beginnings of their periods.
macro_rules! batch {
    () => {
        "(SELECT value, key, id, now, start, iif(period > 0, start - start % period, 0) AS unique_from
          FROM (SELECT value, key, last - ?2 + 1 + key AS id, batch_at AS now,
                coalesce(value ->> 'at', batch_at + (value ->> 'delay')) AS start,
                value ->> 'unique_period' AS period
            FROM json_each(?1), mcsv_job_ids)) AS batch"
    };
}

macro_rules! insert {
    ($columns:literal, $values:literal) => {
        concat!(
            "INSERT INTO mcsv_jobs (id, kind, queue, state, priority, max_attempts, scheduled_at,
                inserted_at, budget_from, partition_key, batch_id, chain, key_id, traceparent,
                tracestate, is_logged, args",
            $columns,
            ") SELECT id, value ->> 'kind', value ->> 'queue',
                iif(start > now, 'scheduled', 'available'), value ->> 'priority',
                value ->> 'max_attempts', max(start, now), now, now, value ->> 'partition_key',
                value ->> 'batch_id', value ->> 'chain', value ->> 'key_id',
                value ->> 'traceparent', value ->> 'tracestate',
                coalesce(value ->> 'is_logged', 1), unhex(value ->> 'args')",
            $values,
            " FROM ",
            batch!(),
            " WHERE true ON CONFLICT DO NOTHING"
        )
    };
}

const LOG: &str = "INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt)
     SELECT id, inserted_at, 'enqueued', state, attempt FROM mcsv_jobs
     WHERE id > (SELECT last FROM mcsv_job_ids) - ?2 AND is_logged";

/// For rows of which none has a unique key: all are new.
const INSERT: &str = insert!("", "");
const LAST: &str = "SELECT last FROM mcsv_job_ids";

const INSERT_UNIQUE: &str = insert!(
    ", unique_key, unique_states, unique_from",
    ", value ->> 'unique_key', coalesce(value ->> 'unique_states', 15), unique_from"
);
/// The job that has the unique key of a row: the one that was inserted for it, or the one that kept it
/// out.
macro_rules! holder {
    () => {
        concat!(
            "mcsv_jobs AS holder
                ON holder.kind = value ->> 'kind' AND holder.unique_key = value ->> 'unique_key'
                AND holder.unique_from = batch.unique_from AND ",
            key_stands!("holder")
        )
    };
}
/// Whether the holder is another one, and takes something over from the row.
macro_rules! replaces {
    () => {
        "holder.id <> batch.id AND value ->> 'replace' > 0
            AND holder.state IN ('available', 'scheduled', 'retryable')"
    };
}
const IDS: &str = concat!(
    "SELECT last, json_group_array(json_array(coalesce(holder.id, batch.id), coalesce(",
    replaces!(),
    ", 0)) ORDER BY key) FROM mcsv_job_ids, ",
    batch!(),
    " LEFT JOIN ",
    holder!()
);

/// What the holders take over; of several rows with one key, from the last.
macro_rules! replacing {
    () => {
        concat!(
            "(SELECT *, value ->> 'replace' AS replace FROM (
                SELECT batch.*, holder.id AS holder_id, holder.attempt AS attempt,
                    iif(value ->> 'replace' & 2, iif(start > now, 'scheduled', 'available'),
                        holder.state) AS next_state,
                    row_number() OVER (PARTITION BY holder.id ORDER BY key DESC) AS place
                FROM ",
            batch!(),
            " JOIN ",
            holder!(),
            " WHERE ",
            replaces!(),
            ") WHERE place = 1) AS new"
        )
    };
}
/// Of the holders, what is not in the log yet.
const LOG_BEFORE: &str = log_before!("SELECT holder_id FROM ", replacing!());
const IS_LOGGED: &str = is_logged!("SELECT holder_id FROM ", replacing!());
const LOG_REPLACED: &str = concat!(
    "INSERT INTO mcsv_job_events (job_id, at, transition, state, attempt)
     SELECT holder_id, now, 'replaced', next_state, attempt FROM ",
    replacing!()
);
const REPLACE: &str = concat!(
    "UPDATE mcsv_jobs SET state = next_state,
        args = iif(replace & 1, unhex(value ->> 'args'), args),
        key_id = iif(replace & 1, value ->> 'key_id', key_id),
        scheduled_at = iif(replace & 2, max(start, now), scheduled_at),
        priority = iif(replace & 4, value ->> 'priority', priority),
        max_attempts = iif(replace & 8, value ->> 'max_attempts', max_attempts)
     FROM ",
    replacing!(),
    " WHERE mcsv_jobs.id = holder_id"
);

/// The statements of an insert; the last one answers with the ids.
fn statements(rows: &[&Row]) -> Vec<&'static str> {
    if are_all_new(rows) {
        vec![TAKE_IDS, INSERT, LOG, LAST]
    } else if rows.iter().any(|row| row.replaces()) {
        vec![TAKE_IDS, INSERT_UNIQUE, LOG, LOG_BEFORE, IS_LOGGED, LOG_REPLACED, REPLACE, IDS]
    } else {
        vec![TAKE_IDS, INSERT_UNIQUE, LOG, IDS]
    }
}

/// The most bytes of rows that one statement is given, about: SQLite takes no text of a billion.
const PART: usize = 8 << 20;

/// Adds the statements of an insert to a script; [`read`] takes their answers.
pub(super) fn write(script: &mut Script<'_>, rows: &[&Row]) -> Result<(), sqlx::Error> {
    parts(rows, PART).into_iter().try_for_each(|part| write_part(script, part))
}

pub(super) fn read(answers: &mut Answers, rows: &[&Row]) -> Result<Vec<Inserted>, sqlx::Error> {
    let mut inserted = Vec::with_capacity(rows.len());
    for part in parts(rows, PART) {
        inserted.extend(read_part(answers, part)?);
    }
    Ok(inserted)
}

/// The rows in parts of at most so many bytes of text, but of one row at least.
fn parts<'a, 'r>(mut rows: &'a [&'r Row], most: usize) -> Vec<&'a [&'r Row]> {
    let mut parts = Vec::new();
    while !rows.is_empty() {
        let mut bytes = 0;
        let fits = |row: &&&Row| {
            bytes += length(row);
            bytes <= most
        };
        let (part, rest) = rows.split_at(rows.iter().take_while(fits).count().max(1));
        parts.push(part);
        rows = rest;
    }
    parts
}

/// The bytes of a row's text: arguments are in hex, and the jobs of a chain a text within it.
fn length(row: &Row) -> usize {
    const NAMES: usize = 1_024;
    2 * (row.args.len() + row.chain.as_ref().map_or(0, String::len)) + NAMES
}

fn write_part(script: &mut Script<'_>, rows: &[&Row]) -> Result<(), sqlx::Error> {
    let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let arguments = [Argument::Json(json(rows)?), Argument::Number(count)];
    script.add(statements(rows).join(";"), arguments);
    Ok(())
}

fn read_part(answers: &mut Answers, rows: &[&Row]) -> Result<Vec<Inserted>, sqlx::Error> {
    answers.skip(statements(rows).len() - 1);
    let row = answers.row()?;
    let last: i64 = row.get(0)?;
    let first = last - i64::try_from(rows.len()).unwrap_or(i64::MAX) + 1;
    let ids: Vec<(i64, u8)> = if are_all_new(rows) {
        (first..=last).map(|id| (id, 0)).collect()
    } else {
        parse(row.text(1)?)?
    };
    let inserted = (first..).zip(ids).map(|(own, (id, is_replaced))| {
        Ok(Inserted { is_replaced: is_replaced != 0, ..Inserted::new(id, id == own)? })
    });
    inserted.collect()
}

fn are_all_new(rows: &[&Row]) -> bool {
    rows.iter().all(|row| row.unique_key.is_none())
}

pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

pub(super) fn parse<'a, T: serde::Deserialize<'a>>(text: &'a str) -> Result<T, sqlx::Error> {
    serde_json::from_str(text).map_err(|cause| sqlx::Error::Decode(cause.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(bytes: usize) -> Row {
        let text = format!(
            r#"{{"id":0,"kind":"k","queue":"q","priority":0,"max_attempts":1,"delay":0,"at":null,
                "unique_key":null,"partition_key":null,"batch_id":null,"chain":null,"key_id":null,
                "traceparent":"","tracestate":null,"args":"{}"}}"#,
            "00".repeat(bytes)
        );
        Row::from_json(&text).unwrap()
    }

    #[test]
    fn rows_are_parted_before_their_text_is_too_long() {
        let rows = [row(10_000), row(10_000), row(100_000), row(1)];
        let rows: Vec<&Row> = rows.iter().collect();
        let lengths = |most| parts(&rows, most).iter().map(|part| part.len()).collect::<Vec<_>>();

        assert_eq!(lengths(PART), [4]);
        assert_eq!(lengths(50_000), [2, 1, 1]);
        assert_eq!(lengths(0), [1, 1, 1, 1]);
        assert!(parts(&[], PART).is_empty());
    }
}
