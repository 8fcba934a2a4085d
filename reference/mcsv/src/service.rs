use client_svc::Inbox;
use job_svc::JobSvc;
use mcsv_core::Health;
use mcsv_rpc::Router;
use mcsv_settings::Settings;

use crate::Result;

/// One of the five.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Service {
    Client,
    User,
    Job,
    Email,
    Image,
}

impl Service {
    pub(crate) const ALL: [Service; 5] =
        [Service::Client, Service::User, Service::Job, Service::Email, Service::Image];

    /// The name in logs and routes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Service::Client => "client_svc",
            Service::User => "user_svc",
            Service::Job => "job_svc",
            Service::Email => "email_svc",
            Service::Image => "image_svc",
        }
    }

    /// The variable that tells the others where it is.
    pub(crate) fn url_variable(self) -> &'static str {
        match self {
            Service::Client => "CLIENT_SVC_URL",
            Service::User => "USER_SVC_URL",
            Service::Job => "JOB_SVC_URL",
            Service::Email => "EMAIL_SVC_URL",
            Service::Image => "IMAGE_SVC_URL",
        }
    }

    pub(crate) fn port(self) -> u16 {
        match self {
            Service::Client => 4000,
            Service::User => 8081,
            Service::Job => 8082,
            Service::Email => 8083,
            Service::Image => 8084,
        }
    }
}

/// The configuration of one of the five.
pub(crate) enum Config {
    Client(client_svc::Config),
    User(user_svc::Config),
    Job(job_svc::Config),
    Email(email_svc::Config),
    Image(image_svc::Config),
}

/// A service that can be served; job_svc has workers beside its router.
pub(crate) struct Opened {
    pub(crate) router: Router,
    pub(crate) workers: Option<JobSvc>,
}

/// Reads the settings of these services to the end, so that every bad variable is reported together
/// with all the others, before anything is touched.
pub(crate) fn configure(services: &[Service], mut settings: Settings) -> Result<Vec<Config>> {
    let configs = services.iter().map(|service| Config::read(*service, &mut settings)).collect();
    settings.finish()?;
    Ok(configs)
}

impl Config {
    fn read(service: Service, settings: &mut Settings) -> Self {
        match service {
            Service::Client => Config::Client(client_svc::Config::read(settings)),
            Service::User => Config::User(user_svc::Config::read(settings)),
            Service::Job => Config::Job(job_svc::Config::read(settings)),
            Service::Email => Config::Email(email_svc::Config::read(settings)),
            Service::Image => Config::Image(image_svc::Config::read(settings)),
        }
    }

    pub(crate) async fn open(self, inbox: Inbox, health: Health) -> Result<Opened> {
        let router = match self {
            Config::Client(config) => client_svc::router(config, inbox, health)?,
            Config::User(config) => user_svc::router(config, health).await?,
            Config::Email(config) => email_svc::router(config, health).await?,
            Config::Image(config) => image_svc::router(config, health)?,
            Config::Job(config) => {
                let job_svc = job_svc::open(config, health).await?;
                return Ok(Opened { router: job_svc.router(), workers: Some(job_svc) });
            }
        };
        Ok(Opened { router, workers: None })
    }
}
