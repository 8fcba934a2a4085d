use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use mcsv_core::Secret;
use reqsign_aws_core::{
    AssumeRoleWithWebIdentityCredentialProvider, Credential, ECSCredentialProvider,
    IMDSv2CredentialProvider, ProfileCredentialProvider, SSOCredentialProvider,
};
use reqsign_core::{Context, FileRead, HttpSend, OsEnv, ProvideCredentialDyn};

use crate::error::{Error, ErrorKind, Result};
use crate::sign::{Access, Ask, LastDayKey};

/// Asks for credentials where the AWS environment says: a profile, a web identity, a container's role
/// or an instance's.
///
/// opendal's signer would ask the same providers; but it tells nobody what it signs with and until
/// when, and its chain of providers logs their secrets.
pub(crate) fn ask(client: reqwest::Client) -> Ask {
    let providers = Arc::new(Providers::new(client));
    Box::new(move || {
        let providers = Arc::clone(&providers);
        Box::pin(async move {
            let asked = tokio::time::timeout(LIMIT, providers.first()).await;
            asked.unwrap_or_else(|_| {
                let message = format!("credentials: no answer in {LIMIT:?}");
                Err(Error::new(ErrorKind::Timeout, message))
            })
        })
    })
}

/// How long all providers together may take.
const LIMIT: Duration = Duration::from_secs(15);

struct Providers {
    context: Context,
    in_order: [(&'static str, Provider); 5],
}

type Provider = Box<dyn ProvideCredentialDyn<Credential = Credential>>;

impl Providers {
    fn new(client: reqwest::Client) -> Self {
        let http = Http(client);
        Providers {
            context: Context::new().with_env(OsEnv).with_file_read(Files).with_http_send(http),
            in_order: [
                ("profile", Box::new(ProfileCredentialProvider::default())),
                ("sso", Box::new(SSOCredentialProvider::default())),
                ("web identity", Box::new(AssumeRoleWithWebIdentityCredentialProvider::default())),
                ("container", Box::new(ECSCredentialProvider::default())),
                ("instance", Box::new(IMDSv2CredentialProvider::default())),
            ],
        }
    }

    /// What the first provider gives that has any.
    async fn first(&self) -> Result<Access> {
        let mut failed = Vec::new();
        for (name, provider) in &self.in_order {
            match provider.provide_credential_dyn(&self.context).await {
                Ok(Some(given)) => return Ok(access(given)),
                Ok(None) => {}
                // Its text may repeat what was sent or answered.
                Err(error) => failed.push((*name, error.kind(), error.is_retryable())),
            }
        }
        let failures = failed.iter().map(|(name, kind, _)| format!("; {name} failed: {kind:?}"));
        let failures: String = failures.collect();
        let message = format!("credentials: none in the AWS environment or by a role{failures}");
        // Where there is no instance, its service doesn't answer either.
        let is_away = failed.iter().any(|(name, _, again)| *again && *name != "instance");
        let kind = if is_away { ErrorKind::Unavailable } else { ErrorKind::PermissionDenied };
        Err(Error::new(kind, message))
    }
}

fn access(given: Credential) -> Access {
    let until = given.expires_in.map(|end| u64::try_from(end.as_second()).unwrap_or(0));
    Access {
        id: given.access_key_id,
        secret: Secret::new(given.secret_access_key),
        session_token: given.session_token.map(Secret::new),
        until,
        day_key: LastDayKey::default(),
    }
}

#[derive(Debug)]
struct Files;

impl FileRead for Files {
    async fn file_read(&self, path: &str) -> reqsign_core::Result<Vec<u8>> {
        tokio::fs::read(path)
            .await
            .map_err(|e| reqsign_core::Error::unexpected("the file can't be read").with_source(e))
    }
}

#[derive(Debug)]
struct Http(reqwest::Client);

impl HttpSend for Http {
    async fn http_send(&self, request: Request<Bytes>) -> reqsign_core::Result<Response<Bytes>> {
        let sent = async {
            let answer = self.0.execute(request.try_into()?).await?;
            let mut whole = Response::builder().status(answer.status());
            if let Some(headers) = whole.headers_mut() {
                headers.clone_from(answer.headers());
            }
            Ok((whole, answer.bytes().await?))
        };
        // The URL of a request for a role may hold a token.
        let fault = |e: reqwest::Error| {
            reqsign_core::Error::unexpected("no answer").with_source(e.without_url())
        };
        let (whole, body) = sent.await.map_err(fault)?;
        whole.body(body).map_err(|e| reqsign_core::Error::unexpected("no answer").with_source(e))
    }
}
