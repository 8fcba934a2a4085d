use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use mcsv_core::Secret;
use opentelemetry::KeyValue;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use opentelemetry_sdk::trace::Sampler;
use url::Url;

use crate::env::{Env, rejected};
use crate::{Error, Result};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const HEADERS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"];
const TIMEOUT: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];
const COMPRESSION: [&str; 2] =
    ["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"];
const PROTOCOL: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];

/// How the body of an export is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
}

/// How the collector is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
}

/// Where and how traces are exported.
#[derive(Debug)]
pub(crate) struct TraceSettings {
    /// The whole URL that spans are posted to. It may hold credentials.
    pub(crate) endpoint: Secret<String>,
    pub(crate) scheme: Scheme,
    pub(crate) headers: Secret<HeaderMap>,
    pub(crate) compression: Compression,
    pub(crate) timeout: Duration,
    pub(crate) sampler: Sampler,
    pub(crate) resource: Resource,
    pub(crate) max_queue_size: usize,
    pub(crate) max_batch_size: usize,
    pub(crate) delay: Duration,
}

impl TraceSettings {
    /// Reads the OpenTelemetry variables; `None` if nothing is to be exported.
    ///
    /// `endpoint`, the code's own choice, goes before the environment's.
    pub(crate) fn read(env: &Env, service: &str, endpoint: Option<&str>) -> Result<Option<Self>> {
        // All is read before it is known whether it is used, so that a wrong value does not wait
        // for the day on which the exporter is switched on.
        let disabled = env.is_true("OTEL_SDK_DISABLED")? || !exports_otlp(env)?;
        check_protocol(env)?;
        let endpoint = read_endpoint(env, endpoint)?;
        let headers = read_headers(env)?;
        let compression = read_compression(env)?;
        let timeout = millis(env, &TIMEOUT, 10_000)?;
        let sampler = read_sampler(env)?;
        let resource = read_resource(env, service)?;
        let max_queue_size = at_least_one(env, "OTEL_BSP_MAX_QUEUE_SIZE", 2048)?;
        let max_batch_size = at_least_one(env, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512)?;
        let delay = millis(env, &["OTEL_BSP_SCHEDULE_DELAY"], 5_000)?;
        Ok(endpoint.filter(|_| !disabled).map(|(endpoint, scheme)| TraceSettings {
            endpoint: Secret::new(endpoint.into()),
            scheme,
            headers: Secret::new(headers),
            compression,
            timeout,
            sampler,
            resource,
            max_queue_size,
            max_batch_size: max_batch_size.min(max_queue_size),
            delay,
        }))
    }
}

fn exports_otlp(env: &Env) -> Result<bool> {
    const NAME: &str = "OTEL_TRACES_EXPORTER";
    match env.get(NAME)?.as_deref() {
        None | Some("otlp") => Ok(true),
        Some("none") => Ok(false),
        Some(other) => Err(rejected(NAME, other, "otlp or none")),
    }
}

fn check_protocol(env: &Env) -> Result<()> {
    match env.first(&PROTOCOL)? {
        Some((name, value)) if value != "http/protobuf" => {
            Err(rejected(name, &value, "http/protobuf, on the collector's port 4318"))
        }
        _ => Ok(()),
    }
}

/// The general endpoint is a base to which the signal's path is added; the one for traces is used
/// as it is ([OTLP exporter specification](https://opentelemetry.io/docs/specs/otel/protocol/exporter/)).
fn read_endpoint(env: &Env, code: Option<&str>) -> Result<Option<(Url, Scheme)>> {
    let (name, text, is_base) = match code {
        Some(text) => ("with_otlp_endpoint", text.to_owned(), true),
        None => match env.first(&[TRACES_ENDPOINT, ENDPOINT])? {
            Some((name, text)) => (name, text, name == ENDPOINT),
            None => return Ok(None),
        },
    };
    // The value is not quoted: credentials may stand in it.
    let bad = || Error::invalid(format!("{name} is not accepted: give an http:// or https:// URL"));
    let mut url = Url::parse(&text).map_err(|_| bad())?;
    let scheme = match url.scheme() {
        "http" if url.has_host() => Scheme::Http,
        "https" if url.has_host() => Scheme::Https,
        _ => return Err(bad()),
    };
    if is_base {
        let path = format!("{}/v1/traces", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    Ok(Some((url, scheme)))
}

fn read_headers(env: &Env) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    let Some((variable, text)) = env.first(&HEADERS)? else { return Ok(headers) };
    for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
        let (name, mut value) = parse_header(pair).ok_or_else(|| {
            Error::invalid(format!("{variable} is not accepted: give name=value,name=value"))
        })?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

fn read_compression(env: &Env) -> Result<Compression> {
    match env.first(&COMPRESSION)? {
        None => Ok(Compression::None),
        Some((_, value)) if value == "none" => Ok(Compression::None),
        Some((_, value)) if value == "gzip" => Ok(Compression::Gzip),
        Some((name, value)) => Err(rejected(name, &value, "gzip or none")),
    }
}

fn parse_header(pair: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = pair.split_once('=')?;
    let value = percent_decoded(value.trim())?;
    Some((name.trim().parse().ok()?, value.parse().ok()?))
}

/// Values are those of W3C Baggage, where what has a meaning of its own is percent-encoded.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = (*first == b'%').then(|| tail.get(..2)).flatten();
        let decoded = hex
            .filter(|hex| hex.iter().all(u8::is_ascii_hexdigit))
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(decoded.unwrap_or(*first));
        rest = if decoded.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(bytes).ok()
}

fn read_sampler(env: &Env) -> Result<Sampler> {
    const NAME: &str = "OTEL_TRACES_SAMPLER";
    const ACCEPTS: &str = "always_on, always_off, traceidratio, parentbased_always_on, \
                           parentbased_always_off or parentbased_traceidratio";
    let ratio = read_ratio(env)?;
    let parent_based = |root| Sampler::ParentBased(Box::new(root));
    Ok(match env.get(NAME)?.as_deref() {
        None | Some("parentbased_always_on") => parent_based(Sampler::AlwaysOn),
        Some("parentbased_always_off") => parent_based(Sampler::AlwaysOff),
        Some("parentbased_traceidratio") => parent_based(Sampler::TraceIdRatioBased(ratio)),
        Some("always_on") => Sampler::AlwaysOn,
        Some("always_off") => Sampler::AlwaysOff,
        Some("traceidratio") => Sampler::TraceIdRatioBased(ratio),
        Some(other) => return Err(rejected(NAME, other, ACCEPTS)),
    })
}

fn read_ratio(env: &Env) -> Result<f64> {
    const NAME: &str = "OTEL_TRACES_SAMPLER_ARG";
    const ACCEPTS: &str = "a ratio from 0 to 1";
    let ratio = env.parse(NAME, ACCEPTS)?.unwrap_or(1.0);
    if (0.0..=1.0).contains(&ratio) {
        return Ok(ratio);
    }
    Err(rejected(NAME, &ratio.to_string(), ACCEPTS))
}

fn read_resource(env: &Env, service: &str) -> Result<Resource> {
    const NAME: &str = "OTEL_RESOURCE_ATTRIBUTES";
    let mut attributes = Vec::new();
    let text = env.get(NAME)?.unwrap_or_default();
    for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
        let attribute = pair.split_once('=').and_then(|(key, value)| {
            let value = percent_decoded(value.trim())?;
            Some(KeyValue::new(key.trim().to_owned(), value))
        });
        attributes.push(attribute.ok_or_else(|| rejected(NAME, pair, "key=value,key=value"))?);
    }
    Ok(Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(attributes)
        .with_service_name(service.to_owned())
        .build())
}

fn millis(env: &Env, names: &[&str], default: u64) -> Result<Duration> {
    const ACCEPTS: &str = "milliseconds, at least 1";
    let Some((name, value)) = env.first(names)? else { return Ok(Duration::from_millis(default)) };
    match value.parse() {
        Ok(millis) if millis > 0 => Ok(Duration::from_millis(millis)),
        _ => Err(rejected(name, &value, ACCEPTS)),
    }
}

fn at_least_one(env: &Env, name: &str, default: usize) -> Result<usize> {
    const ACCEPTS: &str = "a number from 1 to 1000000";
    match env.parse(name, ACCEPTS)?.unwrap_or(default) {
        size @ 1..=1_000_000 => Ok(size),
        other => Err(rejected(name, &other.to_string(), ACCEPTS)),
    }
}
