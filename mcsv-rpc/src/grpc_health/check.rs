use std::sync::Arc;

use mcsv_core::{Error, Health, Result};

use super::v1::health_check_response::ServingStatus;
use super::v1::{self, HealthCheckRequest, HealthCheckResponse, HealthClient, HealthServer};
use crate::server::{RpcService, ready};
use crate::{Cx, RpcMethod};

/// The one method.
pub(crate) const CHECK: &RpcMethod = &HealthClient::METHODS[0];

/// Answers for the services of one router.
pub(crate) struct HealthService {
    health: Health,
    services: Arc<[&'static str]>,
}

impl HealthService {
    pub(crate) fn server(health: Health, services: Arc<[&'static str]>) -> impl RpcService {
        HealthServer::new(HealthService { health, services })
    }
}

impl v1::Health for HealthService {
    /// Every service stands or falls with the process, whose checks are of what all of them need.
    async fn check(&self, _: &mut Cx, request: HealthCheckRequest) -> Result<HealthCheckResponse> {
        let name = request.service.as_str();
        if !name.is_empty() && !self.services.contains(&name) {
            let name: String = name.chars().take(100).collect();
            return Err(Error::not_found(format!("no service {name:?} is served here")));
        }
        let status = match ready(&self.health).await.is_ready() {
            true => ServingStatus::Serving,
            false => ServingStatus::NotServing,
        };
        Ok(HealthCheckResponse { status: status.into() })
    }
}
