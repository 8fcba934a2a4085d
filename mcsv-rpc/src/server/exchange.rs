use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use mcsv_core::{Error, Result};
use pin_project_lite::pin_project;

use super::answer::Answer;
use super::packing::{Packing, too_large};
use crate::late_timer::FirstLook;
use crate::read::{Begun, Bounds, ReadError, begin, drain, expects, read, read_on};
use crate::{Body, Cx, Message};

pin_project! {
    /// Reads a message, has it handled, and packs what came of it.
    ///
    /// Written out, since its size is part of every call's allocation: an `async` block would hold
    /// what it starts with beside each thing that it has made of it.
    pub(super) struct Exchange<Req, Resp, H, F> {
        packing: Packing,
        bounds: Bounds,
        #[pin]
        stage: Stage<H, F>,
        messages: PhantomData<fn(Req) -> Resp>,
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<H, F> {
        /// Until there is a body in one piece, which most have.
        Reading { body: Body, first: FirstLook, next: Option<(Cx, H)> },
        Read { bytes: Bytes, next: Option<(Cx, H)> },
        /// One that comes in pieces, late, or not as it should.
        ReadingOn { rest: Pin<Box<dyn Future<Output = Result<Bytes>> + Send>>, next: Option<(Cx, H)> },
        Handling { #[pin] handled: F },
    }
}

impl<Req, Resp, H, F> Exchange<Req, Resp, H, F>
where
    Req: Message,
    Resp: Message,
    H: FnOnce(Cx, Req) -> F,
    F: Future<Output = (Cx, Result<Resp>)>,
{
    #[inline]
    pub(super) fn new(cx: Cx, packing: Packing, body: Body, bounds: Bounds, handler: H) -> Self {
        let next = Some((cx, handler));
        let stage = Stage::Reading { body, first: FirstLook::default(), next };
        Exchange { packing, bounds, stage, messages: PhantomData }
    }
}

/// Work that can be waited for before it is begun.
pub(super) trait Begin {
    /// Ready when there is something to do.
    fn poll_begin(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()>;
}

impl<Req, Resp, H, F> Begin for Exchange<Req, Resp, H, F> {
    /// Waits until the body is there, which needs neither the call's deadline nor its trace; where it
    /// does not come at once, or in more than one piece, until that is known.
    fn poll_begin(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let StageProjection::Reading { body, first, next } = this.stage.as_mut().project() else {
            return Poll::Ready(());
        };
        let bounds = *this.bounds;
        let begun = match begin(body, bounds, context) {
            Poll::Ready(Ok(Begun::Whole(bytes))) => {
                let next = next.take();
                this.stage.set(Stage::Read { bytes, next });
                return Poll::Ready(());
            }
            Poll::Ready(Ok(Begun::Part(part))) => Ok(Some(part)),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => {
                ready!(first.poll(context));
                Ok(None)
            }
        };
        let (body, next) = (std::mem::take(body), next.take());
        let expects = next.as_ref().is_some_and(|(cx, _)| expects(cx.headers()));
        let rest = Box::pin(rest(begun, body, bounds, expects));
        this.stage.set(Stage::ReadingOn { rest, next });
        Poll::Ready(())
    }
}

impl<Req, Resp, H, F> Future for Exchange<Req, Resp, H, F>
where
    Req: Message,
    Resp: Message,
    H: FnOnce(Cx, Req) -> F,
    F: Future<Output = (Cx, Result<Resp>)>,
{
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        ready!(self.as_mut().poll_begin(context));
        let mut this = self.project();
        let (packing, limit) = (*this.packing, this.bounds.limit);
        loop {
            let (read, next) = match this.stage.as_mut().project() {
                StageProjection::Handling { handled } => {
                    let (cx, result) = ready!(handled.poll(context));
                    let outcome = result.and_then(|message| packing.close(&message));
                    return Poll::Ready(Answer::of(cx, outcome));
                }
                StageProjection::Read { bytes, next } => (Ok(std::mem::take(bytes)), next.take()),
                StageProjection::ReadingOn { rest, next } => {
                    (ready!(rest.as_mut().poll(context)), next.take())
                }
                StageProjection::Reading { .. } => return Poll::Pending,
            };
            let Some((cx, handler)) = next else { return Poll::Pending };
            match read.and_then(|bytes| packing.open(bytes, limit, cx.method())) {
                Ok(request) => this.stage.set(Stage::Handling { handled: handler(cx, request) }),
                Err(error) => return Poll::Ready(Answer::refused(error)),
            }
        }
    }
}

/// Reads what is left of a body, or says why it is not read.
async fn rest(
    begun: Result<Option<Bytes>, ReadError>,
    mut body: Body,
    bounds: Bounds,
    expects: bool,
) -> Result<Bytes> {
    let read = match begun {
        Ok(None) => read(&mut body, bounds).await,
        Ok(Some(first)) => read_on(first, &mut body, bounds).await,
        Err(error) => Err(error),
    };
    match read {
        Ok(bytes) => Ok(bytes),
        Err(ReadError::TooLarge) => {
            drain(expects, body);
            Err(too_large(bounds.limit))
        }
        Err(ReadError::Stalled) => {
            let idle = bounds.idle.unwrap_or_default();
            let message = format!("the request body stalled: send it without a pause of {idle:?}");
            Err(Error::deadline_exceeded(message))
        }
        Err(ReadError::Broken(cause)) => {
            Err(Error::canceled("the request body broke off").with_source(cause))
        }
    }
}
