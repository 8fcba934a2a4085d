use std::fmt::Write as _;

use futures_util::TryStreamExt as _;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments as _, AssertSqlSafe, Either, Executor as _, Row as _, SqliteConnection};

/// What every script begins with. sqlx 0.9 panics over a statement that can't be prepared again, as
/// when a table or a column is gone, unless it is the first: so it has all that came with a migration.
const TABLES: &str =
    "SELECT partition_key, batch_id, chain, key_id, unique_from, is_logged FROM mcsv_jobs,
    mcsv_job_events, mcsv_job_ids, mcsv_job_pauses, mcsv_job_limits LIMIT 0;";

/// Statements that are run in one trip to the thread that has the database: a trip takes longer than
/// most of them.
///
/// They may not depend on each other's answers, but on what they leave in the database.
pub(super) struct Script {
    sql: String,
    arguments: SqliteArguments,
}

/// An argument of a statement.
pub(super) enum Argument<'a> {
    Text(&'a str),
    Json(String),
    Bytes(&'a [u8]),
    Number(i64),
    Maybe(Option<&'a str>),
    MaybeNumber(Option<i64>),
}

/// What the statements of a script answered, in their order.
pub(super) struct Answers(std::vec::IntoIter<Vec<SqliteRow>>);

impl Script {
    pub(super) fn new() -> Self {
        Script { sql: TABLES.to_owned(), arguments: SqliteArguments::default() }
    }

    /// Adds statements that are separated by semicolons. Their `?1` is the first of `arguments`.
    pub(super) fn add<const N: usize>(
        &mut self,
        statements: &str,
        arguments: [Argument<'_>; N],
    ) -> Result<(), sqlx::Error> {
        let before = self.arguments.len();
        let mut pieces = statements.split('?');
        self.sql.extend(pieces.next());
        for piece in pieces {
            let digits = piece.len() - piece.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, rest) = piece.split_at(digits);
            let number = number.parse().unwrap_or(0) + before;
            // A dollar and no question mark: where a statement leaves numbers out, SQLite counts them
            // and sqlx mistakes them for arguments in their order. To write to a string never fails.
            let _ = write!(self.sql, "${number}{rest}");
        }
        self.sql.push(';');
        for argument in arguments {
            let added = match argument {
                Argument::Text(text) => self.arguments.add(text.to_owned()),
                Argument::Json(text) => self.arguments.add(text),
                Argument::Bytes(bytes) => self.arguments.add(bytes.to_owned()),
                Argument::Number(number) => self.arguments.add(number),
                Argument::Maybe(text) => self.arguments.add(text.map(str::to_owned)),
                Argument::MaybeNumber(number) => self.arguments.add(number),
            };
            added.map_err(sqlx::Error::Encode)?;
        }
        Ok(())
    }

    pub(super) async fn run(self, conn: &mut SqliteConnection) -> Result<Answers, sqlx::Error> {
        let query = sqlx::query_with(AssertSqlSafe(self.sql), self.arguments);
        let (mut answers, mut rows) = (Vec::new(), Vec::new());
        let mut stream = conn.fetch_many(query);
        while let Some(step) = stream.try_next().await? {
            match step {
                Either::Right(row) => rows.push(row),
                // The end of a statement.
                Either::Left(_) => answers.push(std::mem::take(&mut rows)),
            }
        }
        let mut answers = Answers(answers.into_iter());
        answers.skip(1);
        Ok(answers)
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
    pub(super) fn rows(&mut self) -> Result<Vec<SqliteRow>, sqlx::Error> {
        self.0.next().ok_or(sqlx::Error::RowNotFound)
    }

    /// The only row of the next statement.
    pub(super) fn row(&mut self) -> Result<SqliteRow, sqlx::Error> {
        self.rows()?.into_iter().next().ok_or(sqlx::Error::RowNotFound)
    }

    /// The only text of the next statement.
    pub(super) fn text(&mut self) -> Result<String, sqlx::Error> {
        self.row()?.try_get(0)
    }
}
