//! The spans, by OpenTelemetry's [conventions for RPC] and those for HTTP, as of version 1.45.
//!
//! They hold no query and no header but the address that was called; the name is the method's, which
//! is in the code. Where nobody wants spans of this level, one costs the look at a number: the macro
//! would gather its fields for the `log` crate, in programs that have both.
//!
//! [conventions for RPC]: https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans/

use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;
use http::{Uri, Version};
use tracing::field::{Empty, display};
use tracing::level_filters::LevelFilter;
use tracing::{Level, Span};

use crate::{Cx, Protocol, RpcMethod};

/// The longest address that is recorded: that of DNS.
const LONGEST_HOST: usize = 253;

pub(crate) fn server(protocol: Protocol, method: &'static RpcMethod, cx: &Cx) -> Span {
    if Level::INFO > LevelFilter::current() {
        return Span::none();
    }
    let parts = cx.parts();
    let span = tracing::info_span!(
        "rpc_server",
        otel.name = method.full_name(),
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system.name = protocol.system(),
        rpc.method = method.full_name(),
        rpc.status_code = Empty,
        error.type = Empty,
        http.request.method = parts.method.as_str(),
        // A path leads to a method only where it is equal to the route.
        http.route = parts.uri.path(),
        http.response.status_code = Empty,
        url.path = parts.uri.path(),
        url.scheme = parts.uri.scheme_str(),
        network.protocol.name = "http",
        network.protocol.version = version(parts.version),
        network.peer.address = Empty,
        network.peer.port = Empty,
        client.address = Empty,
        server.address = Empty,
        server.port = Empty,
    );
    if span.is_disabled() {
        return span;
    }
    if let Some(peer) = cx.peer_addr() {
        let address = peer.ip();
        span.record("network.peer.address", display(address));
        span.record("network.peer.port", peer.port());
        span.record("client.address", display(address));
    }
    if let Some(authority) = called(parts) {
        record_address(&span, &authority);
    }
    span
}

pub(crate) fn client(protocol: Protocol, method: &'static RpcMethod) -> Span {
    if Level::INFO > LevelFilter::current() {
        return Span::none();
    }
    tracing::info_span!(
        "rpc_client",
        otel.name = method.full_name(),
        otel.kind = "client",
        otel.status_code = Empty,
        rpc.system.name = protocol.system(),
        rpc.method = method.full_name(),
        rpc.status_code = Empty,
        rpc.resend_count = Empty,
        error.type = Empty,
        server.address = Empty,
        server.port = Empty,
    )
}

/// Notes where a client sends its call.
pub(crate) fn record_url(span: &Span, url: &Uri) {
    if !span.is_disabled()
        && let Some(authority) = url.authority()
    {
        record_address(span, authority);
    }
}

fn record_address(span: &Span, authority: &Authority) {
    let host = authority.host();
    if host.len() <= LONGEST_HOST {
        span.record("server.address", host);
    }
    if let Some(port) = authority.port_u16() {
        span.record("server.port", port);
    }
}

/// The address that the caller meant: in the URL over HTTP/2, in a header before.
fn called(parts: &Parts) -> Option<Authority> {
    let host = || parts.headers.get(HOST)?.to_str().ok()?.parse().ok();
    parts.uri.authority().cloned().or_else(host)
}

fn version(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        _ => None,
    }
}
