//! Uploads in parts that were cut off are swept from a bucket.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use mcsv_storage::{ErrorKind, ObjectKey, Store};
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use tokio::sync::oneshot;

use crate::bucket::{SECRET, Server};

const HOUR: Duration = Duration::from_secs(3600);

/// An upload in parts, as its server keeps it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Begun {
    name: String,
    id: String,
    at: SystemTime,
}

/// Files with a memory of the uploads that were begun, which s3s-fs has not.
struct Uploads {
    files: FileSystem,
    begun: Arc<Mutex<Vec<Begun>>>,
}

/// How many uploads are on a page.
const PAGE: usize = 2;

impl Uploads {
    /// Whether there was such an upload.
    fn forget(&self, id: &str) -> bool {
        let mut begun = self.begun.lock().unwrap();
        let before = begun.len();
        begun.retain(|upload| upload.id != id);
        begun.len() < before
    }
}

#[async_trait::async_trait]
impl S3 for Uploads {
    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let name = request.input.key.clone();
        let answer = self.files.create_multipart_upload(request).await?;
        let id = answer.output.upload_id.clone().unwrap();
        self.begun.lock().unwrap().push(Begun { name, id, at: SystemTime::now() });
        Ok(answer)
    }

    async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        self.files.upload_part(request).await
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        if !self.forget(&request.input.upload_id) {
            return Err(s3_error!(NoSuchUpload));
        }
        // One that only the memory holds has no parts.
        match request.input.upload_id.starts_with("of-memory") {
            true => Ok(S3Response::new(AbortMultipartUploadOutput::default())),
            false => self.files.abort_multipart_upload(request).await,
        }
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        self.files.head_object(request).await
    }

    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let ListMultipartUploadsInput { prefix, key_marker, upload_id_marker, .. } = request.input;
        let prefix = prefix.unwrap_or_default();
        let marker = key_marker.map(|key| (key, upload_id_marker.unwrap_or_default()));
        let mut begun = self.begun.lock().unwrap().clone();
        begun.sort();
        begun.retain(|upload| upload.name.starts_with(&prefix));
        begun.retain(|upload| Some((upload.name.clone(), upload.id.clone())) > marker);
        let is_truncated = begun.len() > PAGE;
        begun.truncate(PAGE);
        let last = begun.last().filter(|_| is_truncated).cloned();
        let uploads = begun.into_iter().map(|Begun { name, id, at }| MultipartUpload {
            key: Some(name),
            upload_id: Some(id),
            initiated: Some(Timestamp::from(at)),
            ..MultipartUpload::default()
        });
        Ok(S3Response::new(ListMultipartUploadsOutput {
            is_truncated: Some(is_truncated),
            next_key_marker: last.clone().map(|upload| upload.name),
            next_upload_id_marker: last.map(|upload| upload.id),
            uploads: Some(uploads.collect()),
            ..ListMultipartUploadsOutput::default()
        }))
    }
}

/// A server, and what uploads it remembers.
async fn server() -> (Server, Arc<Mutex<Vec<Begun>>>) {
    let begun = Arc::<Mutex<Vec<Begun>>>::default();
    let kept = Arc::clone(&begun);
    let server = Server::start_with(|files| Uploads { files, begun: kept }).await;
    (server, begun)
}

/// Begins an upload of several parts, and drops it when they were taken.
async fn cut_off(store: &Store, key: &ObjectKey) {
    let (taken, all_taken) = oneshot::channel();
    let pieces =
        stream::iter(0..24).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![7; 1 << 20])));
    let end = stream::once(async move {
        let _ = taken.send(());
        std::future::pending().await
    });
    let put = store.put_stream(key, pieces.chain(end)).into_future();
    tokio::select! {
        ended = put => panic!("it ended: {ended:?}"),
        told = all_taken => told.unwrap(),
    }
}

#[tokio::test]
async fn an_upload_that_was_cut_off_is_swept_from_a_bucket() {
    let (server, begun) = server().await;
    let store = server.store().unwrap();
    let key = ObjectKey::parse("a/b.bin").unwrap();
    cut_off(&store, &key).await;
    assert_eq!(begun.lock().unwrap().len(), 1);
    let kept = server.files();
    assert!(kept.len() > 1, "no part is kept: {kept:?}");

    assert_eq!(store.sweep_partial(HOUR).await.unwrap(), 0);
    assert_eq!(begun.lock().unwrap().len(), 1);
    let (one, other) =
        tokio::join!(store.sweep_partial(Duration::ZERO), store.sweep_partial(Duration::ZERO));

    assert_eq!(one.unwrap() + other.unwrap(), 1);
    assert_eq!(store.sweep_partial(Duration::ZERO).await.unwrap(), 0);
    assert_eq!(server.files(), ["bucket"]);
    assert!(store.stat(&key).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn an_upload_that_can_not_be_completed_is_aborted() {
    let (server, begun) = server().await;
    let store = server.store().unwrap();
    let key = ObjectKey::parse("a/b.bin").unwrap();

    // This server knows no CompleteMultipartUpload.
    let put = store.put(&key, vec![7; 20 << 20]).await;

    assert!(put.is_err(), "it was completed");
    assert_eq!(*begun.lock().unwrap(), []);
    assert_eq!(server.files(), ["bucket"]);
}

#[tokio::test]
async fn sweeps_the_old_uploads_of_its_own_store_and_no_other() {
    let (server, begun) = server().await;
    let store = server.store().unwrap();
    let now = SystemTime::now();
    let upload = |name: &str, number: usize, age: Duration| Begun {
        name: name.to_owned(),
        id: format!("of-memory&<{number}>"),
        at: now - age,
    };
    let old = (0..5).map(|number| upload("stores/0/a", number, 2 * HOUR));
    let kept = vec![
        upload("stores/0/a", 5, HOUR / 2),
        upload("stores/0/no key", 6, 2 * HOUR),
        upload("stores/0/z", 7, HOUR / 2),
        upload("stores/00/a", 8, 2 * HOUR),
        upload("stores/1/a", 9, 2 * HOUR),
    ];
    begun.lock().unwrap().extend(old.chain(kept.clone()));

    assert_eq!(store.sweep_partial(HOUR).await.unwrap(), 5);

    assert_eq!(*begun.lock().unwrap(), kept);
}

#[tokio::test]
async fn a_service_that_lists_no_uploads_is_left_to_itself() {
    let server = Server::start().await;
    assert_eq!(server.store().unwrap().sweep_partial(Duration::ZERO).await.unwrap(), 0);
}

#[tokio::test]
async fn a_sweep_tells_what_the_bucket_denies() {
    let (server, _) = server().await;
    let other = format!("{SECRET}x");
    let denied = server.store_as(&other).unwrap().sweep_partial(Duration::ZERO).await.unwrap_err();

    assert_eq!(denied.kind(), ErrorKind::PermissionDenied);
    assert!(denied.to_string().contains("rights"), "{denied}");
}
