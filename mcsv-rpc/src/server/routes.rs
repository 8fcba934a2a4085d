use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use mcsv_core::Health;

use super::http_service::BoxHttpService;
use super::negotiate::Form;
use super::places::Places;
use super::probe::Probe;
use super::router::Router;
use super::service::RpcService;
use crate::grpc_health::CHECK;
use crate::observe::{Meter, Side};
use crate::openapi::{Form as Document, Part, Written};
use crate::quick_map::QuickMap;
use crate::rpc_layer::Layers;
use crate::{OpenApi, RpcMethod};

/// Where the requests go that one router knows.
#[derive(Clone)]
pub(crate) struct Routes {
    exact: QuickMap<Box<str>, Target>,
    nests: Vec<(Box<str>, BoxHttpService)>,
    pub(crate) fallback: Option<BoxHttpService>,
    pub(crate) limit: usize,
    pub(crate) idle: Duration,
    pub(crate) compress_from: usize,
    /// What stands before `/package.Service/Method` in Twirp's paths; empty where nothing does.
    pub(crate) twirp_prefix: Box<str>,
    /// The calls that may run at a time, where that is bounded.
    pub(crate) places: Option<Arc<Places>>,
    pub(crate) healths: Vec<Health>,
    /// The names of the RPC services, also of those within a layer.
    pub(crate) services: Arc<[&'static str]>,
    /// What a document says of those services.
    pub(crate) parts: Vec<Part>,
    pub(crate) written: Written,
    pub(crate) defects: Vec<String>,
}

#[derive(Clone)]
pub(crate) enum Target {
    Rpc(Route),
    Http(BoxHttpService),
    Probe(Probe),
    GrpcHealth(Health),
    OpenApi(Arc<OpenApi>, Document),
}

/// One method of one service, under one of its paths.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) service: Arc<dyn RpcService>,
    pub(crate) index: usize,
    pub(crate) method: &'static RpcMethod,
    pub(crate) meter: &'static Meter,
    pub(crate) limit: Option<usize>,
    pub(crate) form: Form,
    pub(crate) layers: Layers,
}

impl Route {
    /// At Twirp's own path, without a limit of its own and without layers.
    pub(crate) fn new(
        service: Arc<dyn RpcService>,
        index: usize,
        method: &'static RpcMethod,
    ) -> Self {
        let (meter, layers) = (Meter::of(Side::Server, method), Layers::default());
        Route { service, index, method, meter, limit: None, form: Form::Twirp, layers }
    }
}

impl Routes {
    pub(crate) fn new() -> Self {
        Routes {
            exact: QuickMap::default(),
            nests: Vec::new(),
            fallback: None,
            limit: Router::BODY_LIMIT,
            idle: Router::BODY_IDLE,
            compress_from: Router::COMPRESS_FROM,
            twirp_prefix: Router::TWIRP_PREFIX.into(),
            places: None,
            healths: Vec::new(),
            services: Arc::default(),
            parts: Vec::new(),
            written: Written::default(),
            defects: Vec::new(),
        }
    }

    /// One look-up for a path that is known; nests and the fallback cost only what misses.
    pub(crate) fn find(&self, path: &str) -> Option<&Target> {
        self.exact.get(path)
    }

    pub(crate) fn find_http(&self, path: &str) -> Option<&BoxHttpService> {
        let nested = self.nests.iter().filter(|(prefix, _)| path.starts_with(&**prefix));
        let longest = nested.max_by_key(|(prefix, _)| prefix.len());
        longest.map(|(_, service)| service).or(self.fallback.as_ref())
    }

    pub(crate) fn add_service(&mut self, service: Arc<dyn RpcService>) {
        let options = service.options();
        let methods = service.methods();
        self.parts.push(Part::of(&*service));
        let names = methods.iter().map(RpcMethod::name);
        let known = methods.first().map(RpcMethod::service);
        self.services = self.services.iter().copied().chain(known).collect();
        for named in options.method_aliases.iter().map(|(_, method)| method) {
            self.require(names.clone(), named, "an alias");
        }
        for named in options.body_limits.iter().map(|(method, _)| method) {
            self.require(names.clone(), named, "a body limit");
        }
        for (index, method) in methods.iter().enumerate() {
            let limits = options.body_limits.iter();
            let limit = limits.clone().find(|(name, _)| **name == *method.name()).map(|(_, n)| *n);
            let route = Route { limit, ..Route::new(service.clone(), index, method) };
            let aliases = options.method_aliases.iter();
            let aliases = aliases.filter(|(_, name)| **name == *method.name());
            for name in aliases.map(|(alias, _)| &**alias).chain([method.name()]) {
                self.add_method(&options.aliases, name, &route);
            }
        }
    }

    fn add_method(&mut self, service_aliases: &[Box<str>], name: &str, route: &Route) {
        let service = route.method.service();
        let path = format!("/{service}/{name}");
        self.add_twirp_path(&path, route);
        let bare = Route { form: Form::Bare, ..route.clone() };
        self.insert(path, Target::Rpc(bare));
        for alias in service_aliases {
            self.insert(format!("/{alias}/{name}"), Target::Rpc(route.clone()));
        }
    }

    /// Without a prefix Twirp shares the path of the others.
    fn add_twirp_path(&mut self, path: &str, route: &Route) {
        if !self.twirp_prefix.is_empty() {
            let route = Route { form: Form::Twirp, ..route.clone() };
            self.insert([&*self.twirp_prefix, path].concat(), Target::Rpc(route));
        }
    }

    /// Moves Twirp's paths, those too that are here already.
    pub(crate) fn set_twirp_prefix(&mut self, prefix: &str) {
        let prefix = prefix.trim_end_matches('/');
        if !prefix.is_empty() && !prefix.starts_with('/') {
            self.defects.push(format!("the Twirp prefix {prefix:?} does not start with a slash"));
        }
        if self.fallback.is_some() {
            let problem = "is set after a layer, which it does not reach: set it before";
            self.defects.push(format!("the Twirp prefix {prefix:?} {problem}"));
        }
        let old = std::mem::replace(&mut self.twirp_prefix, prefix.into());
        let bare = self.exact.iter().filter_map(|(path, target)| match target {
            Target::Rpc(route) if route.form == Form::Bare => Some((path.clone(), route.clone())),
            _ => None,
        });
        let bare: Vec<_> = bare.collect();
        for (path, route) in bare {
            if !old.is_empty() {
                self.exact.remove(&*[&*old, &*path].concat());
            }
            self.add_twirp_path(&path, &route);
        }
    }

    fn require<'a>(&mut self, mut names: impl Iterator<Item = &'a str>, named: &str, what: &str) {
        if !names.any(|name| name == named) {
            self.defects.push(format!("{what} is set for {named:?}, which is no method"));
        }
    }

    /// Puts `layer` around all calls that these routes lead to, also by way of other routers.
    pub(crate) fn add_rpc_layer(&mut self, layer: &Layers) {
        for target in self.exact.values_mut() {
            match target {
                Target::Rpc(route) => route.layers = layer.around(&route.layers),
                Target::Http(service) => *service = service.with_rpc_layer(layer.clone()),
                // Whoever asks for a server's health need not be known to it.
                Target::Probe(_) | Target::GrpcHealth(_) | Target::OpenApi(..) => {}
            }
        }
        for (_, service) in &mut self.nests {
            *service = service.with_rpc_layer(layer.clone());
        }
        self.fallback = self.fallback.as_ref().map(|service| service.with_rpc_layer(layer.clone()));
    }

    pub(crate) fn add_nest(&mut self, prefix: &str, service: BoxHttpService) {
        if !prefix.starts_with('/') {
            self.defects.push(format!("the prefix {prefix:?} does not start with a slash"));
        }
        if self.nests.iter().any(|(taken, _)| **taken == *prefix) {
            self.defects.push(format!("the prefix {prefix:?} is nested twice"));
        }
        self.nests.push((prefix.into(), service));
    }

    pub(crate) fn add_health(&mut self, health: &Health) {
        self.insert("/health".to_owned(), Target::Probe(Probe::Live));
        self.insert("/health/live".to_owned(), Target::Probe(Probe::Live));
        self.insert("/health/ready".to_owned(), Target::Probe(Probe::Ready(health.clone())));
        let check = format!("/{}", CHECK.full_name());
        self.insert(check, Target::GrpcHealth(health.clone()));
        self.healths.push(health.clone());
    }

    pub(crate) fn add_openapi(&mut self, document: OpenApi) {
        let document = Arc::new(document);
        let json = Target::OpenApi(document.clone(), Document::Json);
        self.insert("/openapi.json".to_owned(), json);
        self.insert("/openapi.yaml".to_owned(), Target::OpenApi(document, Document::Yaml));
    }

    /// The first one to take a path keeps it; the second is a defect that `serve` refuses.
    pub(crate) fn insert(&mut self, path: String, target: Target) {
        if !path.starts_with('/') {
            self.defects.push(format!("the path {path:?} does not start with a slash"));
        }
        match self.exact.entry(path.into_boxed_str()) {
            Entry::Vacant(free) => {
                free.insert(target);
            }
            Entry::Occupied(taken) => {
                self.defects.push(format!("the path {:?} is taken twice", taken.key()));
            }
        }
    }
}
