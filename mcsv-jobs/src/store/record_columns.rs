/// The columns of a record, by name, for both databases: where a newer version of this crate has added
/// a column, PostgreSQL refuses a prepared `SELECT *` for ever, and over one of SQLite sqlx 0.9 panics.
macro_rules! record_columns {
    () => {
        "id, kind, queue, state, priority, attempt, max_attempts, inserted_at, scheduled_at,
            attempted_at, attempted_by, finished_at, errors, result, traceparent, unique_key,
            partition_key, batch_id, key_id, args"
    };
}

pub(super) use record_columns;
