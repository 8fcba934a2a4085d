//! Rows of either database.

/// Reads each field of a type from the column of its name, and the fields of one inner type from theirs.
///
/// It does what sqlx's derive does: its macros link both databases once more for the host, which is the
/// longest part of a fresh build.
macro_rules! from_row {
    ($row:ident { $($field:ident: $type:ty),+ } $($rest:ident: $inner:ty)?) => {
        impl<'r, R: sqlx::Row> sqlx::FromRow<'r, R> for $row
        where
            &'r str: sqlx::ColumnIndex<R>,
            $($type: sqlx::Decode<'r, R::Database> + sqlx::Type<R::Database>,)+
            $($inner: sqlx::FromRow<'r, R>,)?
        {
            fn from_row(row: &'r R) -> sqlx::Result<Self> {
                Ok($row {
                    $($field: row.try_get(stringify!($field))?,)+
                    $($rest: sqlx::FromRow::from_row(row)?,)?
                })
            }
        }
    };
}

pub(crate) use from_row;
