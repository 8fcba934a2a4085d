use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use mcsv_core::Secret;
use mcsv_rpc::{BoxError, Error, Result};

use super::Delivery;
use super::outbox::create_whole;

/// SMTP with a record per mail.
///
/// The record is written after the server took the mail: a crash between the two sends it again,
/// under the same Message-ID. The other order would lose it.
#[derive(Clone)]
pub(crate) struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    records: PathBuf,
    under_way: Arc<Mutex<HashSet<String>>>,
}

/// The right to send one mail; it ends with the value.
struct Turn {
    under_way: Arc<Mutex<HashSet<String>>>,
    email_id: String,
}

impl Turn {
    fn take(under_way: &Arc<Mutex<HashSet<String>>>, email_id: &str) -> Option<Self> {
        let mut ids = under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = ids.insert(email_id.to_owned());
        is_free.then(|| Turn { under_way: Arc::clone(under_way), email_id: email_id.to_owned() })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut ids = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        ids.remove(&self.email_id);
    }
}

impl Smtp {
    pub(super) async fn open(url: Secret<String>, records: PathBuf) -> Result<Self, BoxError> {
        tokio::fs::create_dir_all(&records).await?;
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose())
            .map_err(|error| format!("SMTP_URL can't be used: {error}"))?
            .timeout(Some(Duration::from_secs(15)))
            .build();
        Ok(Smtp { transport, records, under_way: Arc::default() })
    }

    pub(super) async fn deliver(&self, email_id: &str, message: &Message) -> Result<Delivery> {
        let record = self.records.join(email_id);
        let record_failed =
            |error: io::Error| Error::unavailable("the delivery record failed").with_source(error);
        if tokio::fs::try_exists(&record).await.map_err(record_failed)? {
            return Ok(Delivery::DoneBefore("by SMTP".to_owned()));
        }
        let Some(turn) = Turn::take(&self.under_way, email_id) else {
            return Err(Error::unavailable("an earlier attempt at this mail is under way"));
        };
        // On a task of its own: a caller that gives up must not part the sending from its record.
        let (transport, message) = (self.transport.clone(), message.clone());
        let sending = tokio::spawn(async move {
            let _turn = turn;
            let accepted = transport.send(message).await.map_err(smtp_error)?;
            let written = tokio::task::spawn_blocking(move || create_whole(&record, b"")).await;
            written.map_err(io::Error::other).flatten().map_err(record_failed)?;
            Ok(Delivery::Done(format!("by SMTP, code {}", accepted.code())))
        });
        let sent = sending.await;
        sent.map_err(|error| Error::internal("the sending failed").with_source(error))?
    }

    pub(super) async fn check(&self) -> Result<(), String> {
        match self.transport.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err("the mail server does not answer NOOP".to_owned()),
            Err(_) => Err("the mail server can't be reached".to_owned()),
        }
    }
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Smtp").field("records", &self.records).finish_non_exhaustive()
    }
}

/// A refusal for good (5yz, RFC 5321 section 4.2.1) is the mail's fault; all else may pass later.
fn smtp_error(error: lettre::transport::smtp::Error) -> Error {
    if error.is_permanent() {
        let code = error.status().map_or_else(String::new, |code| format!(" with code {code}"));
        return Error::failed_precondition(format!("the mail server refused the mail{code}"))
            .with_source(error);
    }
    Error::unavailable("the mail server can't take the mail now").with_source(error)
}
