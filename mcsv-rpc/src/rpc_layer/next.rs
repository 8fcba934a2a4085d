use std::fmt;

use http::HeaderMap;
use mcsv_core::Result;

use super::layers::{Layers, ReplyFuture};
use crate::Cx;
use crate::dialect::Packed;

/// What comes after a layer: the layers within it, then the reading of the message and the handler.
pub struct Next {
    layers: Layers,
    at: usize,
    last: Last,
}

type Last = Box<dyn FnOnce(Cx) -> ReplyFuture + Send>;

impl Next {
    pub(crate) fn new<F>(layers: Layers, last: impl FnOnce(Cx) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Result<Reply>> + Send + 'static,
    {
        Next { layers, at: 0, last: Box::new(|cx| Box::pin(last(cx))) }
    }

    /// Runs the call, with what `cx` says now.
    ///
    /// # Errors
    ///
    /// That of the handler, of a layer within, or of a message that can't be read. By `?` it goes to
    /// the caller as it is.
    pub async fn run(mut self, cx: Cx) -> Result<Reply> {
        match self.layers.get(self.at) {
            Some(layer) => {
                self.at += 1;
                layer.call(cx, self).await
            }
            None => (self.last)(cx).await,
        }
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").finish_non_exhaustive()
    }
}

/// The answer of a call that went well: its headers, and the message as it goes out.
pub struct Reply {
    pub(crate) headers: HeaderMap,
    pub(crate) packed: Packed,
}

impl Reply {
    /// The headers that the handler and the layers have set.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The same, to be changed. The content type and the length are the protocol's.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    /// The bytes of the message on the wire: encoded, compressed and framed.
    #[must_use]
    pub fn wire_size(&self) -> usize {
        self.packed.bytes.len()
    }
}

/// Shows no header's value: one of them may be a token.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("headers", &self.headers.keys())
            .field("wire_size", &self.wire_size())
            .finish()
    }
}
