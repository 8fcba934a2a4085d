use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{errors, paths, used, yaml};
use crate::{Router, RpcService, ServiceOptions};

/// An OpenAPI 3.1 document of one or more services: their methods over plain HTTP, in protobuf and
/// JSON, with the comments of their protos.
///
/// [`Router::openapi`](crate::Router::openapi) serves it. To write it to a file, add the services
/// here:
///
/// ```
/// use mcsv_rpc::OpenApi;
///
/// let document = OpenApi::new("Shop", "1.0").with_server("https://shop.example");
/// assert!(document.to_json().contains(r#""openapi":"3.1.0""#));
/// ```
#[derive(Clone, Debug)]
pub struct OpenApi {
    title: String,
    version: String,
    description: Option<String>,
    license: Option<Value>,
    contact: Option<Value>,
    servers: Vec<String>,
    twirp_prefix: Box<str>,
    parts: Vec<Part>,
}

/// One service under all its names.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    text: &'static str,
    pub(crate) options: Arc<ServiceOptions>,
}

impl Part {
    pub(crate) fn of(service: &dyn RpcService) -> Self {
        Part { text: service.openapi(), options: Arc::new(service.options().clone()) }
    }
}

/// What the generated code says of a service.
#[derive(Deserialize)]
pub(crate) struct Described {
    pub(crate) name: String,
    description: Option<String>,
    #[serde(default)]
    pub(crate) deprecated: bool,
    pub(crate) methods: Vec<DescribedMethod>,
    schemas: Map<String, Value>,
}

#[derive(Deserialize)]
pub(crate) struct DescribedMethod {
    pub(crate) name: String,
    pub(crate) summary: Option<String>,
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) deprecated: bool,
    /// Whether Connect's GET may call it.
    #[serde(default)]
    pub(crate) get: bool,
    pub(crate) request: String,
    pub(crate) response: String,
}

impl OpenApi {
    /// A document without services.
    #[must_use]
    pub fn new(title: &str, version: &str) -> Self {
        OpenApi {
            title: title.to_owned(),
            version: version.to_owned(),
            description: None,
            license: None,
            contact: None,
            servers: Vec::new(),
            twirp_prefix: Router::TWIRP_PREFIX.into(),
            parts: Vec::new(),
        }
    }

    /// Says what the whole is for, in Markdown; otherwise the comments of the services do.
    #[must_use]
    pub fn with_description(mut self, text: &str) -> Self {
        self.description = Some(text.to_owned());
        self
    }

    /// Names the licence of the API, by its identifier in SPDX's list.
    ///
    /// ```
    /// # use mcsv_rpc::OpenApi;
    /// let document = OpenApi::new("Shop", "1.0").with_license("Apache License 2.0", "Apache-2.0");
    /// assert!(document.to_json().contains(r#""identifier":"Apache-2.0""#));
    /// ```
    #[must_use]
    pub fn with_license(mut self, name: &str, identifier: &str) -> Self {
        self.license = Some(json!({ "name": name, "identifier": identifier }));
        self
    }

    /// Says who answers questions about the API, and at which URL.
    ///
    /// ```
    /// # use mcsv_rpc::OpenApi;
    /// let document = OpenApi::new("Shop", "1.0").with_contact("Shop team", "https://shop.example/team");
    /// assert!(document.to_yaml().contains("Shop team"));
    /// ```
    #[must_use]
    pub fn with_contact(mut self, name: &str, url: &str) -> Self {
        self.contact = Some(json!({ "name": name, "url": url }));
        self
    }

    /// Names a URL at which the services are served; without one, it is where the document is.
    #[must_use]
    pub fn with_server(mut self, url: &str) -> Self {
        self.servers.push(url.to_owned());
        self
    }

    /// Has Twirp's paths under `prefix`; a router that serves the document sets its own.
    #[must_use]
    pub fn with_twirp_prefix(mut self, prefix: &str) -> Self {
        self.twirp_prefix = prefix.trim_end_matches('/').into();
        self
    }

    /// Adds a service, under the aliases that it has.
    #[must_use]
    pub fn with_service(mut self, service: &impl RpcService) -> Self {
        self.push(Part::of(service));
        self
    }

    pub(crate) fn push(&mut self, part: Part) {
        self.parts.push(part);
    }

    /// The document as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.document().to_string()
    }

    /// The document as YAML.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        yaml::write(&self.document())
    }

    fn document(&self) -> Value {
        let (mut schemas, mut all_paths) = (errors::schemas(), Map::new());
        let (mut tags, mut texts) = (Vec::new(), Vec::new());
        for part in &self.parts {
            // A service that was not generated describes nothing.
            let Ok(service) = serde_json::from_str::<Described>(part.text) else { continue };
            paths::add(&mut all_paths, &self.twirp_prefix, &service, &part.options);
            let text =
                service.description.unwrap_or_else(|| format!("The service {}.", service.name));
            tags.push(json!({ "name": service.name, "description": text }));
            texts.push(text);
            schemas.extend(service.schemas);
        }
        let description = self.description.clone().unwrap_or_else(|| texts.join("\n\n"));
        let servers: Vec<Value> = match &self.servers[..] {
            [] => vec![json!({ "url": "/" })],
            urls => urls.iter().map(|url| json!({ "url": url })).collect(),
        };
        let mut info = json!({
            "title": self.title, "version": self.version, "description": description,
        });
        for (key, value) in [("license", &self.license), ("contact", &self.contact)] {
            if let Some(value) = value {
                info[key] = value.clone();
            }
        }
        let components = used::components(
            &all_paths,
            json!({
                "schemas": schemas,
                "responses": errors::responses(),
                "parameters": paths::parameters(),
            }),
        );
        json!({
            "openapi": "3.1.0",
            "info": info,
            "servers": servers,
            "security": [],
            "tags": tags,
            "paths": all_paths,
            "components": components,
        })
    }
}
