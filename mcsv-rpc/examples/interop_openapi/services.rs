use mcsv_rpc::{Code, Cx, Error, Result};

use crate::generated::awkward::v1::{Comments, Message};
use crate::generated::bare::{Bare, BareMessage};
use crate::generated::echo::v1::{Echo, Failure, Ping, Seen};
use crate::generated::json::v1::{Forms, Known, Scalars, Shapes};
use crate::generated::names::v1 as names;
use crate::generated::outer::v1::{Outer, Outward};
use crate::generated::shapes::parts::v1::Part;
use crate::generated::shapes::v1::{Everything, Keywords, Match};
use crate::generated::r#type::v1::r#async::r#yield::Await;
use crate::generated::r#type::v1::r#async::{Mod, Part as OtherPart, Yield};

/// Gives back what it is sent, as far as the types allow it.
pub(crate) struct Every;

impl Forms for Every {
    async fn echo_scalars(&self, _: &mut Cx, request: Scalars) -> Result<Scalars> {
        Ok(request)
    }

    async fn echo_shapes(&self, _: &mut Cx, request: Shapes) -> Result<Shapes> {
        Ok(request)
    }

    async fn echo_known(&self, _: &mut Cx, request: Known) -> Result<Known> {
        Ok(request)
    }
}

impl Echo for Every {
    async fn echo(&self, _: &mut Cx, request: Ping) -> Result<Ping> {
        Ok(request)
    }

    async fn fail(&self, _: &mut Cx, request: Failure) -> Result<Ping> {
        let error = Error::new(request.how.parse::<Code>()?, request.message)
            .with_detail("echo.v1.Ping", Vec::new());
        Err(request.meta.into_iter().fold(error, |error, (k, v)| error.with_meta(k, v)))
    }

    async fn look(&self, cx: &mut Cx, _: Ping) -> Result<Seen> {
        let trace_id = cx.trace().trace_id().to_string();
        Ok(Seen { remaining_ms: u64::MAX, trace_id, ..Seen::default() })
    }

    async fn forward(&self, _: &mut Cx, _: Ping) -> Result<Seen> {
        Err(Error::unavailable("nobody is next"))
    }

    async fn wait(&self, _: &mut Cx, _: Ping) -> Result<Ping> {
        std::future::pending().await
    }
}

impl Keywords for Every {
    async fn r#type(&self, _: &mut Cx, request: Match) -> Result<Match> {
        Ok(request)
    }

    async fn self_(&self, _: &mut Cx, request: Match) -> Result<Match> {
        Ok(request)
    }

    async fn new(&self, _: &mut Cx, request: Match) -> Result<Match> {
        Ok(request)
    }

    async fn connect(&self, _: &mut Cx, request: Match) -> Result<Match> {
        Ok(request)
    }

    async fn with_timeout(&self, _: &mut Cx, request: Match) -> Result<Match> {
        Ok(request)
    }

    async fn everything(&self, _: &mut Cx, request: Everything) -> Result<Everything> {
        Ok(request)
    }

    async fn nothing(&self, _: &mut Cx, (): ()) -> Result<()> {
        Ok(())
    }
}

impl Outward for Every {
    async fn swap(&self, _: &mut Cx, request: Outer) -> Result<OtherPart> {
        Ok(OtherPart { part: request.part, kind: request.kind, ..OtherPart::default() })
    }

    async fn give(&self, _: &mut Cx, request: Part) -> Result<Part> {
        Ok(request)
    }
}

impl Mod for Every {
    async fn r#move(&self, _: &mut Cx, request: OtherPart) -> Result<Await> {
        Ok(request.r#where.unwrap_or_default())
    }

    async fn r#match(&self, _: &mut Cx, _: Yield) -> Result<OtherPart> {
        Ok(OtherPart::default())
    }
}

impl names::WideService for Every {
    async fn clone(&self, _: &mut Cx, _: names::Result) -> Result<names::Option> {
        Ok(names::Option::default())
    }

    async fn get_user(&self, _: &mut Cx, _: names::String) -> Result<names::Vec> {
        Ok(names::Vec { vec: vec![names::Vec::default()] })
    }

    async fn get_user_(&self, _: &mut Cx, _: names::Box) -> Result<names::Send> {
        Ok(names::Send::default())
    }

    async fn r#async(&self, _: &mut Cx, _: names::Future) -> Result<names::Error> {
        Ok(names::Error::default())
    }
}

impl names::Router for Every {
    async fn route(&self, _: &mut Cx, request: names::Cx) -> Result<names::Cx> {
        Ok(request)
    }
}

impl Bare for Every {
    async fn call(&self, _: &mut Cx, request: BareMessage) -> Result<BareMessage> {
        Ok(request)
    }
}

impl Comments for Every {
    async fn ask(&self, _: &mut Cx, request: Message) -> Result<Message> {
        Ok(request)
    }

    async fn connect_all(&self, _: &mut Cx, request: Message) -> Result<Message> {
        Ok(request)
    }
}
