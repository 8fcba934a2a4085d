use std::sync::OnceLock;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};

use super::document::{OpenApi, Part};
use crate::Body;

/// The two forms in which a document is served.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    Json,
    Yaml,
}

/// The document of one router as it was written, for as long as its routes stay as they are.
///
/// Anyone may ask for it, and to write it takes a thousand times longer than to send it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    json: OnceLock<Bytes>,
    yaml: OnceLock<Bytes>,
}

/// Answers GET and HEAD with the document of `parts`.
pub(crate) fn answer(
    method: &Method,
    form: Form,
    base: &OpenApi,
    twirp_prefix: &str,
    parts: &[Part],
    written: &Written,
) -> Response<Body> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut response = Response::new(Body::from(""));
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let document = || {
        let mut document = base.clone().with_twirp_prefix(twirp_prefix);
        parts.iter().for_each(|part| document.push(part.clone()));
        document
    };
    let (text, media) = match form {
        Form::Json => {
            (written.json.get_or_init(|| document().to_json().into()), "application/json")
        }
        Form::Yaml => {
            (written.yaml.get_or_init(|| document().to_yaml().into()), "application/yaml")
        }
    };
    let mut response = Response::new(Body::from(text.clone()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    // A new release may say something else.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
