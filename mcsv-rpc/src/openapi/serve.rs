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

/// Answers GET and HEAD with the document of `parts`, made anew: it is seldom asked for.
pub(crate) fn answer(
    method: &Method,
    form: Form,
    base: &OpenApi,
    twirp_prefix: &str,
    parts: &[Part],
) -> Response<Body> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut response = Response::new(Body::from(""));
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let mut document = base.clone().with_twirp_prefix(twirp_prefix);
    parts.iter().for_each(|part| document.push(part.clone()));
    let (text, media) = match form {
        Form::Json => (document.to_json(), "application/json"),
        Form::Yaml => (document.to_yaml(), "application/yaml"),
    };
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    // A new release may say something else.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
