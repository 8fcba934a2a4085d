use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use http::HeaderMap;

/// The headers of an answer while its call runs.
///
/// Where there are layers they outlive the context that holds them: a layer that sets
/// `www-authenticate` and then refuses drops its context, and the header must go out all the same.
/// Without layers nothing is shared, and nothing is allocated.
#[derive(Default)]
pub(crate) struct AnswerHeaders {
    map: Option<Box<HeaderMap>>,
    kept: Option<KeptHeaders>,
}

impl AnswerHeaders {
    pub(crate) fn map(&self) -> &HeaderMap {
        static NONE: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);
        self.map.as_deref().unwrap_or(&NONE)
    }

    pub(crate) fn map_mut(&mut self) -> &mut HeaderMap {
        self.map.get_or_insert_default()
    }

    /// The headers, where there are any.
    pub(crate) fn take(&mut self) -> Option<HeaderMap> {
        self.map.take().map(|map| *map)
    }

    /// Where the headers will be once this is dropped.
    pub(crate) fn keep(&mut self) -> KeptHeaders {
        self.kept.get_or_insert_with(KeptHeaders::default).clone()
    }
}

impl Drop for AnswerHeaders {
    fn drop(&mut self) {
        if let Some(kept) = &self.kept
            && let Some(map) = self.map.take()
        {
            kept.add(*map);
        }
    }
}

/// The headers that dropped contexts of one call have left.
#[derive(Clone, Default)]
pub(crate) struct KeptHeaders(Arc<Mutex<HeaderMap>>);

impl KeptHeaders {
    pub(crate) fn add(&self, headers: HeaderMap) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(headers);
    }

    pub(crate) fn take(&self) -> HeaderMap {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
