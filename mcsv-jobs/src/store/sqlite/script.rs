use std::borrow::Cow;
use std::fmt::Write as _;

use futures_util::TryStreamExt as _;
use rusqlite::types::{FromSql, ToSqlOutput, Value, ValueRef};
use sqlx::sqlite::{SqliteArguments, SqliteRow, SqliteValueRef};
use sqlx::{Arguments as _, AssertSqlSafe, Either, Executor as _, Row as _, SqliteConnection};
use sqlx::{TypeInfo as _, ValueRef as _};

/// What every script of sqlx begins with. sqlx 0.9 panics over a statement that can't be prepared again, as
/// when a table or a column is gone, unless it is the first: so it has all that came with a migration.
const TABLES: &str =
    "SELECT partition_key, batch_id, chain, key_id, unique_from, is_logged FROM mcsv_jobs,
    mcsv_job_events, mcsv_job_ids, mcsv_job_pauses, mcsv_job_limits LIMIT 0;";

/// Statements that are run together: where sqlx runs them, in one trip to the thread that has its
/// connection, which takes longer than most of them.
///
/// They may not depend on each other's answers, but on what they leave in the database.
#[derive(Default)]
pub(super) struct Script<'a>(Vec<Part<'a>>);

/// Statements that share arguments.
struct Part<'a> {
    statements: Cow<'static, str>,
    arguments: Vec<Argument<'a>>,
}

/// An argument of a statement.
pub(super) enum Argument<'a> {
    Text(&'a str),
    Json(String),
    Number(i64),
}

/// What the statements of a script answered, in their order.
pub(super) struct Answers(std::vec::IntoIter<Vec<Answer>>);

/// A row of an answer.
pub(super) struct Answer(Vec<Value>);

impl<'a> Script<'a> {
    /// Adds statements that are separated by semicolons. Their `?1` is the first of `arguments`.
    pub(super) fn add<const N: usize>(
        &mut self,
        statements: impl Into<Cow<'static, str>>,
        arguments: [Argument<'a>; N],
    ) {
        self.0.push(Part { statements: statements.into(), arguments: arguments.into() });
    }

    pub(super) async fn run(self, conn: &mut SqliteConnection) -> Result<Answers, sqlx::Error> {
        let (sql, arguments) = self.joined()?;
        let query = sqlx::query_with(AssertSqlSafe(sql), arguments);
        let (mut answers, mut rows) = (Vec::new(), Vec::new());
        let mut stream = conn.fetch_many(query);
        while let Some(step) = stream.try_next().await? {
            match step {
                Either::Right(row) => rows.push(Answer::of(&row)?),
                // The end of a statement.
                Either::Left(_) => answers.push(std::mem::take(&mut rows)),
            }
        }
        let mut answers = Answers(answers.into_iter());
        answers.skip(1);
        Ok(answers)
    }

    /// All of it as one text with one list of arguments.
    fn joined(self) -> Result<(String, SqliteArguments), sqlx::Error> {
        let (mut sql, mut all) = (TABLES.to_owned(), SqliteArguments::default());
        for Part { statements, arguments } in self.0 {
            let before = all.len();
            let mut pieces = statements.split('?');
            sql.extend(pieces.next());
            for piece in pieces {
                let rest = piece.trim_start_matches(|c: char| c.is_ascii_digit());
                let number = piece[..piece.len() - rest.len()].parse().unwrap_or(0) + before;
                // A dollar and no question mark: where a statement leaves numbers out, SQLite counts them
                // and sqlx mistakes them for arguments in their order. To write to a string never fails.
                let _ = write!(sql, "${number}{rest}");
            }
            sql.push(';');
            for argument in arguments {
                argument.add_to(&mut all)?;
            }
        }
        Ok((sql, all))
    }

    /// The same on a connection that is used from the thread of the caller.
    pub(super) fn run_here(self, conn: &rusqlite::Connection) -> rusqlite::Result<Answers> {
        let mut answers = Vec::new();
        for Part { statements, arguments } in self.0 {
            for sql in statements.split(';') {
                debug_assert!(!sql.trim().is_empty(), "a statement without words");
                let mut statement = conn.prepare_cached(sql)?;
                for (index, argument) in (1..=statement.parameter_count()).zip(&arguments) {
                    // It has no name where the statement leaves the number out.
                    if statement.parameter_name(index).is_some() {
                        statement.raw_bind_parameter(index, argument)?;
                    }
                }
                let columns = statement.column_count();
                let (mut found, mut rows) = (Vec::new(), statement.raw_query());
                while let Some(row) = rows.next()? {
                    let values = (0..columns).map(|column| row.get(column));
                    found.push(Answer(values.collect::<Result<_, _>>()?));
                }
                answers.push(found);
            }
        }
        Ok(Answers(answers.into_iter()))
    }
}

impl Argument<'_> {
    fn add_to(self, arguments: &mut SqliteArguments) -> Result<(), sqlx::Error> {
        let added = match self {
            Argument::Text(text) => arguments.add(text.to_owned()),
            Argument::Json(text) => arguments.add(text),
            Argument::Number(number) => arguments.add(number),
        };
        added.map_err(sqlx::Error::Encode)
    }
}

impl rusqlite::ToSql for Argument<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match self {
            Argument::Text(text) => ValueRef::from(*text),
            Argument::Json(text) => ValueRef::from(text.as_str()),
            Argument::Number(number) => ValueRef::Integer(*number),
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}

impl Answers {
    /// Leaves out the answers of `count` statements.
    pub(super) fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.0.next();
        }
    }

    /// The rows of the next statement.
    pub(super) fn rows(&mut self) -> Result<Vec<Answer>, sqlx::Error> {
        self.0.next().ok_or(sqlx::Error::RowNotFound)
    }

    /// The only row of the next statement.
    pub(super) fn row(&mut self) -> Result<Answer, sqlx::Error> {
        self.rows()?.into_iter().next().ok_or(sqlx::Error::RowNotFound)
    }
}

impl Answer {
    fn of(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        (0..row.len())
            .map(|column| value(row.try_get_raw(column)?))
            .collect::<Result<_, _>>()
            .map(Answer)
    }

    /// The value of a column.
    pub(super) fn get<T: FromSql>(&self, column: usize) -> Result<T, sqlx::Error> {
        T::column_result(self.column(column)?.into())
            .map_err(|cause| sqlx::Error::Decode(cause.into()))
    }

    /// The text of a column.
    pub(super) fn text(&self, column: usize) -> Result<&str, sqlx::Error> {
        match self.column(column)? {
            Value::Text(text) => Ok(text),
            other => {
                Err(sqlx::Error::Decode(format!("{:?} and no text", other.data_type()).into()))
            }
        }
    }

    fn column(&self, index: usize) -> Result<&Value, sqlx::Error> {
        self.0.get(index).ok_or(sqlx::Error::ColumnIndexOutOfBounds { index, len: self.0.len() })
    }
}

fn value(value: SqliteValueRef<'_>) -> Result<Value, sqlx::Error> {
    fn decoded<'r, T: sqlx::Decode<'r, sqlx::Sqlite>>(
        value: SqliteValueRef<'r>,
    ) -> Result<T, sqlx::Error> {
        T::decode(value).map_err(sqlx::Error::Decode)
    }
    if value.is_null() {
        return Ok(Value::Null);
    }
    let is_of = value.type_info().name().to_owned();
    match is_of.as_str() {
        "INTEGER" => decoded(value).map(Value::Integer),
        "TEXT" => decoded(value).map(Value::Text),
        "BLOB" => decoded(value).map(Value::Blob),
        _ => Err(sqlx::Error::Decode(format!("an answer of type {is_of}").into())),
    }
}
