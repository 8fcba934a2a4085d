use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use mcsv_core::Result;

use super::answer::Answer;
use super::exchange::Exchange;
use super::guard::Guarded;
use super::packing::Packing;
use super::running::BoxWork;
use crate::read::{Bounds, drain, expects};
use crate::rpc_layer::{Layers, Next};
use crate::{Body, Cx, Message};

/// An [`Exchange`] within layers, all of it in a box: a call without any carries none of this.
pub(super) fn layered<Req, Resp, H, F>(
    layers: Layers,
    mut cx: Cx,
    packing: Packing,
    body: Body,
    bounds: Bounds,
    handler: H,
) -> BoxWork
where
    Req: Message + 'static,
    Resp: Message + 'static,
    H: FnOnce(Cx, Req) -> F + Send + 'static,
    F: Future<Output = (Cx, Result<Resp>)> + Send + 'static,
{
    let (kept, outer) = (cx.keep_response_headers(), cx.deadline());
    let within = kept.clone();
    let expects = expects(cx.headers());
    // A layer that refuses leaves it behind.
    let unread = Arc::new(Mutex::new(Some(body)));
    let left = unread.clone();
    let next = Next::new(layers, move |cx: Cx| async move {
        let body = take(&unread).unwrap_or_default();
        // What was not shortened is bounded already, around all layers.
        let shortened = cx.deadline().filter(|deadline| Some(*deadline) != outer);
        let work = Exchange::new(cx, packing, body, bounds, handler);
        let answer = match shortened {
            None => work.await,
            shortened => Guarded::new(shortened, work).await,
        };
        answer.into_reply(&within)
    });
    Box::pin(async move {
        let reply = next.run(cx).await;
        if let Some(refused) = take(&left) {
            drain(expects, refused);
        }
        Answer::of_reply(reply, &kept)
    })
}

fn take(body: &Mutex<Option<Body>>) -> Option<Body> {
    body.lock().unwrap_or_else(PoisonError::into_inner).take()
}
