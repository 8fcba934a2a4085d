use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::stream;
use http_body::Body;
use http_body_util::BodyExt;

use crate::error::{BoxError, Error, ErrorKind};

/// The data of `body`, each piece of which must come within `idle` of the one before.
pub(crate) fn deadline_body<B>(
    body: B,
    idle: Duration,
) -> impl Stream<Item = Result<Bytes, BoxError>> + Send
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    stream::unfold(Some(Box::pin(body)), move |body| async move {
        let mut body = body?;
        loop {
            let piece = match tokio::time::timeout(idle, body.frame()).await {
                Err(_) => {
                    let slow = format!("upload: nothing came for {idle:?}");
                    return Some((Err(Error::new(ErrorKind::Timeout, slow).into()), None));
                }
                Ok(None) => return None,
                Ok(Some(Err(cause))) => return Some((Err(cause.into()), None)),
                Ok(Some(Ok(frame))) => frame.into_data(),
            };
            // Trailers say nothing here.
            if let Ok(piece) = piece {
                return Some((Ok(piece), Some(body)));
            }
        }
    })
}
