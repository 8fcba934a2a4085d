use std::time::{Duration, SystemTime};

use http::{Method, Request, Response, StatusCode};
use opendal::{Buffer, Operator};

use crate::error::{Error, ErrorKind, Result, from_opendal};
use crate::object_key::ObjectKey;
use crate::sign::{AmzDate, Bucket};
use crate::upload_list::{BegunUpload, UploadList};

/// Aborts the uploads in parts of which a bucket has kept the parts for `older_than`; answers how
/// many there were.
///
/// Only uploads under the store's prefix that a store of this crate may have begun are touched. opendal
/// knows no call that lists uploads, so these are made here, through its transport.
pub(crate) async fn sweep_uploads(
    operator: &Operator,
    bucket: &Bucket,
    older_than: Duration,
) -> Result<u64> {
    let calls = Calls { operator, bucket };
    let (mut aborted, mut after) = (0, None);
    while let Some((now, list)) = calls.list(after.as_ref()).await? {
        let Some(before) = now.checked_sub(older_than) else { return Ok(aborted) };
        let before = AmzDate::at(before);
        for upload in &list.uploads {
            let is_old = upload.begun.as_str() <= before.as_str().trim_end_matches('Z');
            if is_old && is_ours(bucket, &upload.name) {
                aborted += calls.abort(upload).await?;
            }
        }
        match list.next {
            Some(next) if after.as_ref() != Some(&next) => after = Some(next),
            _ => break,
        }
    }
    Ok(aborted)
}

fn is_ours(bucket: &Bucket, name: &str) -> bool {
    name.strip_prefix(&bucket.prefix).is_some_and(|key| ObjectKey::parse(key).is_ok())
}

struct Calls<'a> {
    operator: &'a Operator,
    bucket: &'a Bucket,
}

impl Calls<'_> {
    /// A page of uploads, and what time it is for the service, whose clock dated them.
    ///
    /// `None` from a service that can't list them.
    async fn list(
        &self,
        after: Option<&(String, String)>,
    ) -> Result<Option<(SystemTime, UploadList)>> {
        let mut query = vec![("uploads", ""), ("prefix", self.bucket.prefix.as_str())];
        if let Some((key, upload)) = after {
            query.push(("key-marker", key));
            query.push(("upload-id-marker", upload));
        }
        let answer = self.send(Method::GET, "", &mut query).await?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_IMPLEMENTED | StatusCode::METHOD_NOT_ALLOWED => {
                return Ok(cannot_list());
            }
            status => return Err(refused(status)),
        }
        let date = answer.headers().get(http::header::DATE).and_then(|date| date.to_str().ok());
        let now = date.and_then(|date| httpdate::parse_http_date(date).ok());
        let text = String::from_utf8_lossy(&answer.into_body().to_bytes()).into_owned();
        let Some(list) = UploadList::parse(&text) else { return Ok(cannot_list()) };
        Ok(Some((now.unwrap_or_else(SystemTime::now), list)))
    }

    /// Answers 1, or 0 if the upload had ended by then.
    async fn abort(&self, upload: &BegunUpload) -> Result<u64> {
        let mut query = [("uploadId", upload.id.as_str())];
        match self.send(Method::DELETE, &upload.name, &mut query).await?.status() {
            status if status.is_success() => Ok(1),
            StatusCode::NOT_FOUND => Ok(0),
            status => Err(refused(status)),
        }
    }

    async fn send(
        &self,
        method: Method,
        name: &str,
        query: &mut [(&str, &str)],
    ) -> Result<Response<Buffer>> {
        const LIMIT: Duration = Duration::from_secs(30);
        let request = Request::builder().method(method).uri(self.bucket.internal.of(name, query));
        let request = request
            .body(Buffer::new())
            .map_err(|e| Error::new(ErrorKind::Internal, WHAT).with_source(e))?;
        // The transport signs it.
        let sending = self.operator.context().http_transport().send(request);
        let answered = tokio::time::timeout(LIMIT, sending).await.map_err(|e| {
            Error::new(ErrorKind::Timeout, format!("{WHAT}: no answer in 30 s")).with_source(e)
        })?;
        answered.map_err(|e| from_opendal(e, WHAT))
    }
}

const WHAT: &str = "incomplete uploads";

fn cannot_list<T>() -> Option<T> {
    tracing::warn!(
        "the bucket's service lists no incomplete uploads: it must abort them by itself"
    );
    None
}

fn refused(status: StatusCode) -> Error {
    let (kind, says) = match status.as_u16() {
        401 | 403 => (
            ErrorKind::PermissionDenied,
            "the store denies it: it takes the rights to list and to abort multipart uploads",
        ),
        429 | 500.. => (ErrorKind::Unavailable, "the store is away"),
        _ => (ErrorKind::Internal, "the store failed"),
    };
    Error::new(kind, format!("{WHAT}: {says} (status {status})"))
}
