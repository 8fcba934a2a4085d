//! Databases that cannot hold every text.

use mcsv_jobs::{ErrorKind, Jobs};
use sqlx::{Connection as _, PgConnection};

use crate::kit::Done;

#[tokio::test]
async fn a_database_that_cannot_hold_what_a_handler_says_is_refused() -> Done {
    let Some(database) = crate::server::database().await? else { return Ok(()) };
    let mut conn = PgConnection::connect(database.url()).await?;
    let name: String = sqlx::query_scalar("SELECT current_database()").fetch_one(&mut conn).await?;
    for (encoding, is_taken) in [("LATIN1", false), ("SQL_ASCII", true), ("UTF8", true)] {
        let made = format!("{name}_{}", encoding.to_lowercase());
        let make = format!("CREATE DATABASE {made} TEMPLATE template0 ENCODING '{encoding}'");
        sqlx::raw_sql(sqlx::AssertSqlSafe(make)).execute(&mut conn).await?;
        let url = database.url().replace(&format!("/{name}?"), &format!("/{made}?"));

        match Jobs::connect(&url).await {
            Ok(_) => assert!(is_taken, "{encoding}"),
            Err(refused) => {
                assert_eq!((refused.kind(), is_taken), (ErrorKind::Invalid, false), "{refused:?}");
                assert!(refused.to_string().contains(encoding), "{refused}");
            }
        }
    }
    Ok(())
}
