use std::collections::HashMap;
use std::future::IntoFuture;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use mcsv_core::SpanId;
use mcsv_protos::v1::{
    CreateUploadRequest, CreateUploadResponse, GetConversionRequest, GetConversionResponse,
    ImageConversionRequest, UserServiceClient,
};
use mcsv_rpc::Call;
use mcsv_storage::{FetchPolicy, Fetcher};
use sha2::{Digest, Sha256};
use tokio::time::sleep;

use crate::Result;
use crate::patience::Patience;

/// A user of the conversion, as any other program would be one.
#[derive(Clone)]
pub(crate) struct Conversions {
    user_svc: UserServiceClient,
    patience: Patience,
    /// By origin of the stack's links; usually there is one.
    fetchers: Arc<Mutex<HashMap<String, Fetcher>>>,
}

/// What to convert, and how.
#[derive(Clone)]
pub(crate) struct Wish {
    pub(crate) file: PathBuf,
    pub(crate) options: ImageConversionRequest,
}

/// A conversion that is on its way.
#[derive(Clone)]
pub(crate) struct Ticket {
    pub(crate) job_id: i64,
    pub(crate) storage_id: String,
    pub(crate) trace_id: String,
    pub(crate) input_bytes: u64,
}

impl Conversions {
    pub(crate) fn of(user_svc: &str) -> Result<Self> {
        let user_svc = UserServiceClient::connect(user_svc)
            .map_err(|error| format!("--user-svc {user_svc}: {error}"))?;
        Ok(Conversions {
            user_svc: user_svc.with_timeout(Duration::from_secs(30)),
            patience: Patience::new()?,
            fetchers: Arc::default(),
        })
    }

    /// Uploads the image past the RPC, then asks for its conversion. Every step may be repeated, so
    /// that a service that restarts in between costs time and nothing else.
    pub(crate) async fn submit(&self, wish: Wish) -> Result<Ticket> {
        let image = tokio::fs::read(&wish.file)
            .await
            .map_err(|error| format!("{}: {error}", wish.file.display()))?;
        let image = Bytes::from(image);
        let upload = CreateUploadRequest {
            content_type: media_type(&wish.file, &image).to_owned(),
            content_length: i64::try_from(image.len())?,
            sha256: Sha256::digest(&image).to_vec().into(),
        };
        let input_bytes = image.len() as u64;
        let link = self.call(|user_svc| user_svc.create_upload(upload.clone())).await?;
        self.upload(&link, image).await?;
        let request = ImageConversionRequest { storage_id: link.storage_id, ..wish.options };
        let accepted = self.call(|user_svc| user_svc.convert_image(request.clone())).await?;
        Ok(Ticket {
            job_id: accepted.job_id,
            storage_id: accepted.storage_id,
            trace_id: accepted.trace_id,
            input_bytes,
        })
    }

    /// Waits for the end, good or bad; `seen` hears of each look.
    pub(crate) async fn follow(
        &self,
        ticket: &Ticket,
        seen: impl Fn(&GetConversionResponse),
    ) -> Result<GetConversionResponse> {
        let mut pause = Duration::from_millis(20);
        loop {
            let state = self.look(ticket).await?;
            seen(&state);
            if matches!(state.state.as_str(), "completed" | "discarded" | "cancelled") {
                return Ok(state);
            }
            sleep(pause).await;
            pause = (pause * 3 / 2).min(Duration::from_millis(500));
        }
    }

    pub(crate) async fn look(&self, ticket: &Ticket) -> Result<GetConversionResponse> {
        let request =
            GetConversionRequest { job_id: ticket.job_id, storage_id: ticket.storage_id.clone() };
        Ok(self.call(|user_svc| user_svc.get_conversion(request.clone())).await?)
    }

    /// Fetches a link into a file that appears whole or not at all; answers its size.
    pub(crate) async fn download(&self, link: &str, path: &Path) -> Result<u64> {
        let fetcher = self.fetcher(link)?;
        let fetch = || async { fetcher.get(link).await?.bytes().await };
        let pdf = self.patience.call(mcsv_storage::Error::is_retryable, fetch).await?;
        let temporary = path.with_extension(format!("{}.part", SpanId::random()));
        tokio::fs::write(&temporary, &pdf)
            .await
            .map_err(|error| format!("{}: {error}", temporary.display()))?;
        if let Err(error) = tokio::fs::rename(&temporary, path).await {
            let _ = tokio::fs::remove_file(&temporary).await;
            return Err(format!("{}: {error}", path.display()).into());
        }
        Ok(pdf.len() as u64)
    }

    async fn upload(&self, link: &CreateUploadResponse, image: Bytes) -> Result<()> {
        let fetcher = self.fetcher(&link.upload_url)?;
        let put = || {
            let mut put = fetcher.put(link.upload_url.as_str(), image.clone());
            for (name, value) in &link.headers {
                put = put.header(name, value);
            }
            put.into_future()
        };
        Ok(self.patience.call(mcsv_storage::Error::is_retryable, put).await?)
    }

    async fn call<Resp>(
        &self,
        call: impl Fn(&UserServiceClient) -> Call<Resp>,
    ) -> mcsv_rpc::Result<Resp>
    where
        Call<Resp>: IntoFuture<Output = mcsv_rpc::Result<Resp>>,
    {
        let call = || call(&self.user_svc).into_future();
        self.patience.call(mcsv_rpc::Error::is_retryable, call).await
    }

    /// The stack's own links may be followed wherever they point: it is the one that we talk to.
    fn fetcher(&self, link: &str) -> Result<Fetcher> {
        let origin = url::Url::parse(link)?.origin().ascii_serialization();
        let mut fetchers = self.fetchers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fetcher) = fetchers.get(&origin) {
            return Ok(fetcher.clone());
        }
        let policy = FetchPolicy::new()
            .allow_origin(&origin)?
            .with_max_len(8 << 30)
            .with_timeout(Duration::from_secs(15 * 60));
        let fetcher = Fetcher::new(policy)?;
        fetchers.insert(origin, fetcher.clone());
        Ok(fetcher)
    }
}

/// By the bytes; else by the name. Whether the image is one is the stack's to say.
fn media_type(file: &Path, image: &[u8]) -> &'static str {
    if let Some(format) = mcsv_image_pdf::sniff(image) {
        return format.media_type();
    }
    let extension = file.extension().unwrap_or_default().to_ascii_lowercase();
    match extension.to_str() {
        Some("jpg" | "jpeg") => "image/jpeg",
        _ => "image/png",
    }
}

/// The names of the PDFs in one folder: the images' stems, numbered where two are alike.
pub(crate) fn pdf_names(files: &[PathBuf]) -> Vec<String> {
    let mut taken = std::collections::HashSet::new();
    let name = |file: &PathBuf| {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut name = format!("{stem}.pdf");
        let mut number = 2;
        while !taken.insert(name.clone()) {
            name = format!("{stem}-{number}.pdf");
            number += 1;
        }
        name
    };
    files.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_images_of_one_stem_get_two_pdfs() {
        let files = ["a/x.png", "b/x.jpg", "x-2.png"].map(PathBuf::from);

        assert_eq!(pdf_names(&files), ["x.pdf", "x-2.pdf", "x-2-2.pdf"]);
    }
}
