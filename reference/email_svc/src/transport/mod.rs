//! How mail leaves: into a folder or by SMTP, with a record that makes it leave once.

mod outbox;
mod smtp;

use lettre::Message;
use mcsv_rpc::{BoxError, Result};

use crate::MailConfig;
use outbox::Outbox;
use smtp::Smtp;

#[derive(Clone, Debug)]
pub(crate) enum Transport {
    Outbox(Outbox),
    Smtp(Smtp),
}

/// Where a mail went, for a person.
pub(crate) enum Delivery {
    Done(String),
    DoneBefore(String),
}

impl Transport {
    pub(crate) async fn open(config: MailConfig) -> Result<Self, BoxError> {
        Ok(match config {
            MailConfig::Outbox(folder) => Transport::Outbox(Outbox::open(folder).await?),
            MailConfig::Smtp { url, records } => Transport::Smtp(Smtp::open(url, records).await?),
        })
    }

    /// Delivers the mail unless one of this `email_id` has been delivered.
    pub(crate) async fn deliver(&self, email_id: &str, message: &Message) -> Result<Delivery> {
        match self {
            Transport::Outbox(outbox) => outbox.deliver(email_id, message).await,
            Transport::Smtp(smtp) => smtp.deliver(email_id, message).await,
        }
    }

    pub(crate) async fn check(&self) -> Result<(), String> {
        match self {
            Transport::Outbox(outbox) => outbox.check().await,
            Transport::Smtp(smtp) => smtp.check().await,
        }
    }
}
