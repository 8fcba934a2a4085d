use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use tower_service::Service;

use crate::rpc_layer::Layers;
use crate::{Body, BoxError};

/// Any tower service over HTTP that can be shared: what a router nests and what carries a client's
/// requests.
///
/// It is implemented for every `tower_service::Service<http::Request<Body>>` whose response is an
/// `http::Response` with a body of [`Bytes`], that is `Clone + Send + Sync + 'static`, and whose
/// future is `Send`. Each request takes a clone, waits until it is ready and calls it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no tower service over HTTP",
    note = "it must be a Service<http::Request<mcsv_rpc::Body>> that answers http::Response<impl \
            http_body::Body<Data = Bytes>>, and be Clone + Send + Sync + 'static with a Send future"
)]
pub trait HttpService: sealed::Sealed {
    /// The service in a box.
    #[doc(hidden)]
    fn boxed(self) -> BoxHttpService;
}

mod sealed {
    pub trait Sealed {}
}

impl<S, B> sealed::Sealed for S
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
}

impl<S, B> HttpService for S
where
    S: Service<Request<Body>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    fn boxed(self) -> BoxHttpService {
        let call = move |request| -> HttpFuture {
            let mut service = self.clone();
            Box::pin(async move {
                poll_fn(|cx| service.poll_ready(cx)).await.map_err(Into::into)?;
                let response = service.call(request).await.map_err(Into::into)?;
                Ok(response.map(Body::new))
            })
        };
        BoxHttpService(Arc::new(call))
    }
}

pub(crate) type HttpFuture = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

/// An [`HttpService`] of any type.
#[derive(Clone)]
pub struct BoxHttpService(Arc<dyn Fn(Request<Body>) -> HttpFuture + Send + Sync>);

impl BoxHttpService {
    pub(crate) fn call(&self, request: Request<Body>) -> HttpFuture {
        (self.0)(request)
    }

    /// The same service, which is told of `layer` in case it is a router.
    pub(crate) fn with_rpc_layer(&self, layer: Layers) -> Self {
        let inner = self.clone();
        let call = move |mut request: Request<Body>| {
            layer.pass_on(request.extensions_mut());
            inner.call(request)
        };
        BoxHttpService(Arc::new(call))
    }
}

impl fmt::Debug for BoxHttpService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoxHttpService").finish_non_exhaustive()
    }
}
