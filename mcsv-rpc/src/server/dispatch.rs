use std::sync::Arc;
use std::time::Duration;

use mcsv_core::{Code, Error};

use super::call::{IncomingCall, Terms};
use super::negotiate::{Form, negotiate};
use super::packing::Packing;
use super::places::Places;
use super::router_future::RouterFuture;
use super::routes::{Route, Routes};
use crate::carried::Carried;
use crate::observe::{Observed, refused};
use crate::read::{Bounds, drain, expects};
use crate::rpc_layer::Layers;
use crate::{Body, Cx, Protocol, trace_headers};

/// Finds out what a request asks of a method, and hands it to the method's service.
pub(super) fn dispatch(
    routes: &Routes,
    route: &Route,
    places: Option<&Arc<Places>>,
    mut cx: Cx,
    mut body: Body,
) -> RouterFuture {
    let carried = Carried::by(cx.headers());
    let negotiated = negotiate(route.form, route.method, cx.parts(), carried.media(), &mut body);
    let dialect = match negotiated {
        Ok(dialect) => dialect,
        Err(refusal) => {
            let protocol = (route.form == Form::Twirp).then_some(Protocol::Twirp);
            refused(protocol, Some(route.method), Code::BadRoute.as_str());
            drain(expects(cx.headers()), body);
            return RouterFuture::refused(*refusal);
        }
    };
    let place = places.map(Places::take);
    if let Some(None) = place {
        refused(Some(dialect.protocol), Some(route.method), Code::Unavailable.as_str());
        drain(expects(cx.headers()), body);
        return RouterFuture::refused(dialect.refusal(&full()));
    }
    let remote = trace_headers::read(cx.headers(), &carried);
    let protocol = dialect.protocol;
    let observed = Observed::server(protocol, route.meter, &cx, remote.as_ref());
    let wanted = Packing::wanted(dialect, routes.compress_from, cx.headers(), &carried);
    let (packing, deadline) = match wanted {
        Ok((packing, deadline)) => (Ok(packing), deadline),
        Err(error) => (Err(error), None),
    };
    let layers = Layers::take_passed(cx.extensions_mut()).around(&route.layers);
    cx.sent_to(route.method, protocol, observed.trace().clone(), deadline);
    let limit = route.limit.unwrap_or(routes.limit);
    let bounds = Bounds { limit, room: dialect.room(), idle: Some(routes.idle) };
    let terms = Terms { dialect, bounds, layers, place: place.flatten() };
    let call = IncomingCall { cx, packing, body, terms, observed };
    RouterFuture::rpc(route.service.call(route.index, call))
}

fn full() -> Error {
    Error::unavailable("too many calls are running here: try again later")
        .with_retry_after(Duration::from_secs(1))
}
