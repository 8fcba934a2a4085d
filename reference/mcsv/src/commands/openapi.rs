use std::process::ExitCode;

use mcsv_protos::v1::{
    ClientServiceClient, EmailServiceClient, ImageServiceClient, JobServiceClient,
    UserServiceClient,
};
use mcsv_rpc::{OpenApi, Router};

use crate::cli::OpenApiArgs;
use crate::say;
use crate::service::Service;

/// Prints what the services say of themselves. None of them runs, so nothing need be configured.
pub(crate) fn run(args: &OpenApiArgs) -> ExitCode {
    let (title, services) = match &args.service {
        Some(one) => (one.name(), std::slice::from_ref(one)),
        None => ("mcsv", &Service::ALL[..]),
    };
    let empty = OpenApi::new(title, env!("CARGO_PKG_VERSION"));
    let document = services.iter().fold(empty, |document, service| describe(document, *service));
    let text = if args.yaml { document.to_yaml() } else { document.to_json() };
    say!("{}", text.trim_end());
    ExitCode::SUCCESS
}

/// Adds a service with a client in the place of its handlers, which would want a store or a queue.
fn describe(document: OpenApi, service: Service) -> OpenApi {
    let nowhere = Router::new();
    match service {
        Service::Client => {
            document.with_service(&client_svc::named(ClientServiceClient::in_process(nowhere)))
        }
        Service::User => {
            document.with_service(&user_svc::named(UserServiceClient::in_process(nowhere)))
        }
        Service::Job => {
            document.with_service(&job_svc::named(JobServiceClient::in_process(nowhere)))
        }
        Service::Email => {
            document.with_service(&email_svc::named(EmailServiceClient::in_process(nowhere)))
        }
        Service::Image => {
            document.with_service(&image_svc::named(ImageServiceClient::in_process(nowhere)))
        }
    }
}
