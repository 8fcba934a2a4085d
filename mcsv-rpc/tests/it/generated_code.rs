//! That the code of odd protos compiles is half of each test here.

use std::collections::BTreeMap;

use bytes::Bytes;
use mcsv_rpc::{Cx, Idempotency, Result, Router};

use crate::app::EchoClient;
use crate::generated::bare::{Bare, BareClient, BareMessage, BareServer};
use crate::generated::outer::v1::{Outer, Outward, OutwardClient, OutwardServer};
use crate::generated::shapes::parts::v1::{Colour, Part};
use crate::generated::shapes::v1::everything::nested::Kind;
use crate::generated::shapes::v1::everything::{Choice, Nested};
use crate::generated::shapes::v1::{Everything, Keywords, KeywordsClient, KeywordsServer, Match};
use crate::generated::r#type::v1::r#async::part::Kind as Kinds;
use crate::generated::r#type::v1::r#async::r#yield::Await;
use crate::generated::r#type::v1::r#async::r#yield::r#await::Impl;
use crate::generated::r#type::v1::r#async::{self as keywords, Mod, ModClient, ModServer, Yield};

struct Odd;

impl Keywords for Odd {
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

impl Bare for Odd {
    async fn call(&self, _: &mut Cx, request: BareMessage) -> Result<BareMessage> {
        Ok(request)
    }
}

fn client() -> KeywordsClient {
    KeywordsClient::in_process(Router::new().add(KeywordsServer::new(Odd)))
}

#[tokio::test]
async fn names_that_are_taken_are_called_with_an_underscore() {
    let message = Match { r#type: "a".into(), self_: "b".into(), r#fn: "c".into() };
    let client = client();
    let calls = [
        client.r#type(message.clone()),
        client.self_(message.clone()),
        client.new_(message.clone()),
        client.connect_(message.clone()),
        client.with_timeout_(message.clone()),
    ];
    for call in calls {
        assert_eq!(call.await.unwrap(), message);
    }
}

#[tokio::test]
async fn every_kind_of_field_goes_there_and_back() {
    let nested = Nested {
        kind: Kind::Deep.into(),
        kinds: BTreeMap::from([("k".into(), Kind::Deep.into())]),
        again: Some(Box::new(Everything::default())),
    };
    let message = Everything {
        nested: Some(Box::new(nested.clone())),
        parts: BTreeMap::from([("p".into(), Part { name: "part".into() })]),
        blobs: BTreeMap::from([(-1, Bytes::from_static(b"blob"))]),
        choice: Some(Choice::Deep(Box::new(nested))),
        maybe: Some(0),
        numbers: vec![-1, 0, i64::MIN],
        at: Some(mcsv_rpc::codegen::prost_types::Timestamp { seconds: 1, nanos: 2 }),
        colour_of: Colour::Red.into(),
    };
    assert_eq!(client().everything(message.clone()).await.unwrap(), message);
    assert!(format!("{message:?}").contains("blob"), "a message with a map has a Debug");
}

struct Moving;

impl Mod for Moving {
    async fn r#move(&self, _: &mut Cx, request: keywords::Part) -> Result<Await> {
        request.r#where.ok_or_else(|| mcsv_rpc::Error::invalid_argument("where to?"))
    }

    async fn r#match(&self, _: &mut Cx, request: Yield) -> Result<keywords::Part> {
        Ok(keywords::Part {
            kind: request.r#enum.first().copied().unwrap_or(0),
            ..Default::default()
        })
    }
}

impl Outward for Moving {
    async fn swap(&self, _: &mut Cx, request: Outer) -> Result<keywords::Part> {
        Ok(keywords::Part { part: request.part, kind: request.kind, ..Default::default() })
    }

    async fn give(&self, _: &mut Cx, request: Part) -> Result<Part> {
        Ok(request)
    }
}

#[tokio::test]
async fn a_package_of_keywords_is_called_in_every_codec() {
    let client = ModClient::in_process(Router::new().add(ModServer::new(Moving)));
    for client in [client.clone(), client.with_json()] {
        let there = Await { r#loop: 7, r#impl: Some(Impl::True(true)) };
        let part = keywords::Part { r#where: Some(there.clone()), ..Default::default() };
        assert_eq!(client.r#move(part).await.unwrap(), there);
        let yields = Yield {
            r#mut: BTreeMap::from([("a".into(), there)]),
            r#enum: vec![Kinds::Const.into()],
        };
        assert_eq!(client.r#match(yields).await.unwrap().kind(), Kinds::Const);
    }
    assert_eq!(ModClient::METHODS[0].full_name(), "type.v1.async.Mod/Move");
}

#[tokio::test]
async fn types_of_another_crate_are_used_as_they_are() {
    let client = OutwardClient::in_process(Router::new().add(OutwardServer::new(Moving)));
    // The same type as that of `shapes.parts.v1`, not one that looks like it.
    let part: Part = Part { name: "wheel".into() };
    for client in [client.clone(), client.with_json()] {
        assert_eq!(client.give(part.clone()).await.unwrap(), part);
        let outer = Outer {
            part: Some(part.clone()),
            colours: BTreeMap::from([("rim".into(), Colour::Red.into())]),
            same_name: Some(keywords::Part { r#fn: "x".into(), ..Default::default() }),
            kind: Kinds::Const.into(),
            ..Default::default()
        };
        let swapped = client.swap(outer).await.unwrap();
        assert_eq!((swapped.kind(), swapped.part), (Kinds::Const, Some(part.clone())));
    }
}

#[tokio::test]
async fn an_empty_message_is_a_unit() {
    client().nothing(()).await.unwrap();
}

#[tokio::test]
async fn a_service_without_a_package_has_a_bare_name() {
    let client = BareClient::in_process(Router::new().add(BareServer::new(Odd)));
    let message = BareMessage { text: "hi".into() };
    assert_eq!(client.call(message.clone()).await.unwrap(), message);
    assert_eq!(BareClient::METHODS[0].full_name(), "Bare/Call");
}

#[test]
fn the_idempotency_level_is_kept() {
    let level = |methods: &[mcsv_rpc::RpcMethod], name: &str| {
        methods.iter().find(|method| method.name() == name).map(|method| method.idempotency())
    };
    assert_eq!(level(KeywordsClient::METHODS, "Nothing"), Some(Idempotency::Idempotent));
    assert_eq!(level(KeywordsClient::METHODS, "Type"), Some(Idempotency::Unspecified));
    assert_eq!(level(EchoClient::METHODS, "Echo"), Some(Idempotency::NoSideEffects));
}

#[test]
fn clients_can_be_shared_and_sent() {
    fn check<T: Clone + Send + Sync + 'static>() {}
    check::<EchoClient>();
    check::<Router>();
}
