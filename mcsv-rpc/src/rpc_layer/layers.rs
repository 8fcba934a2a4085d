use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::Extensions;
use mcsv_core::Result;

use super::layer::RpcLayer;
use super::next::{Next, Reply};
use crate::Cx;

pub(super) type ReplyFuture = Pin<Box<dyn Future<Output = Result<Reply>> + Send>>;

/// An [`RpcLayer`] of any type.
pub(super) trait AnyLayer: Send + Sync {
    fn call(self: Arc<Self>, cx: Cx, next: Next) -> ReplyFuture;
}

impl<L: RpcLayer> AnyLayer for L {
    fn call(self: Arc<Self>, cx: Cx, next: Next) -> ReplyFuture {
        Box::pin(async move { RpcLayer::call(&*self, cx, next).await })
    }
}

/// The layers of one method, outermost first; where there is none, nothing is allocated.
#[derive(Clone, Default)]
pub(crate) struct Layers(Option<Arc<[Arc<dyn AnyLayer>]>>);

impl Layers {
    pub(crate) fn one(layer: impl RpcLayer) -> Self {
        let layer: Arc<dyn AnyLayer> = Arc::new(layer);
        Layers(Some(Arc::new([layer])))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// These layers with `inner` within them.
    pub(crate) fn around(&self, inner: &Layers) -> Layers {
        match (&self.0, &inner.0) {
            (Some(outer), Some(inner)) => {
                Layers(Some(outer.iter().chain(inner.iter()).cloned().collect()))
            }
            (Some(_), None) => self.clone(),
            (None, _) => inner.clone(),
        }
    }

    /// Hands these layers to the router that a request goes to next, within those that it carries.
    pub(crate) fn pass_on(&self, extensions: &mut Extensions) {
        let outer = Layers::take_passed(extensions);
        extensions.insert(outer.around(self));
    }

    /// The layers that an outer router has put around a request.
    pub(crate) fn take_passed(extensions: &mut Extensions) -> Layers {
        extensions.remove::<Layers>().unwrap_or_default()
    }

    pub(super) fn get(&self, at: usize) -> Option<Arc<dyn AnyLayer>> {
        self.0.as_ref()?.get(at).cloned()
    }
}
