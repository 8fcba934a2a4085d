//! What generated code names. Not part of the public interface.

use std::future::IntoFuture;

use mcsv_core::{Result, TraceContext};

use crate::{Call, Cx, Message, within};

pub use http;
pub use prost;
pub use prost_types;

/// Sends `call` for a handler whose context is `cx`: under its deadline and in its trace, also where
/// `cx` was made by hand and no handler is running.
pub fn forward<Resp>(
    cx: &Cx,
    call: Call<Resp>,
) -> impl Future<Output = Result<Resp>> + Send + use<Resp>
where
    Resp: Message + 'static,
{
    let (trace, deadline) = (cx.trace(), cx.deadline());
    async move {
        // What runs here in the same trace may be a span below the handler's: that one is nearer.
        let inside =
            TraceContext::current().is_some_and(|current| current.trace_id() == trace.trace_id());
        let call = async move {
            match inside {
                true => call.into_future().await,
                false => trace.scope(call.into_future()).await,
            }
        };
        match deadline {
            Some(deadline) => within(deadline, call).await,
            None => call.await,
        }
    }
}
