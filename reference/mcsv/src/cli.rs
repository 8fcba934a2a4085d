use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::service::Service;

/// Turns PNG and JPEG into PDF and sends the mail: five services, one program.
#[derive(Debug, Parser)]
#[command(version, about, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Starts the five services in this process, converts files, shows what came of them
    Demo(DemoArgs),
    /// Runs the five services on their standard ports until Ctrl-C
    Up,
    /// Runs the client service alone
    Client,
    /// Runs the user service alone
    User,
    /// Runs the job service alone
    Job,
    /// Runs the email service alone
    Email,
    /// Runs the image service alone
    Image,
    /// Converts files with a running stack
    Convert(ConvertArgs),
    /// Makes users of a running stack
    #[command(subcommand)]
    Users(UsersCommand),
    /// Looks into the queue of a running stack
    Jobs(JobsArgs),
    /// Prints the OpenAPI document of the five services, or of one
    Openapi(OpenApiArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// PNG and JPEG files; without any, bundled samples
    pub(crate) files: Vec<PathBuf>,
    /// One JSON object per file on stdout, and nothing else there
    #[arg(long)]
    pub(crate) json: bool,
    /// Where everything is kept
    #[arg(long, value_name = "DIR", default_value = "mcsv-data")]
    pub(crate) data: PathBuf,
    /// How much a PDF may differ from its image
    #[arg(long, value_enum, default_value_t = Quality::Lossless)]
    pub(crate) quality: Quality,
}

#[derive(Debug, Args)]
pub(crate) struct ConvertArgs {
    /// PNG and JPEG files
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Where the PDFs go
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// How much a PDF may differ from its image
    #[arg(long, value_enum, default_value_t = Quality::Medium)]
    pub(crate) quality: Quality,
    /// Largest width in pixels; 0 is no limit
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16))]
    pub(crate) max_width: u16,
    /// Largest height in pixels; 0 is no limit
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16))]
    pub(crate) max_height: u16,
    /// Drop EXIF, XMP and comments
    #[arg(long)]
    pub(crate) strip_metadata: bool,
    /// Who gets the mail
    #[arg(long, value_name = "ADDRESS", default_value = "you@example.org")]
    pub(crate) email: String,
    /// One JSON object per file on stdout, and nothing else there
    #[arg(long)]
    pub(crate) json: bool,
    /// The user service
    #[arg(long, value_name = "URL", env = "USER_SVC_URL", default_value = "http://127.0.0.1:8081")]
    pub(crate) user_svc: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Quality {
    Low,
    Medium,
    High,
    Lossless,
}

impl Quality {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Quality::Low => "low",
            Quality::Medium => "medium",
            Quality::High => "high",
            Quality::Lossless => "lossless",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum UsersCommand {
    /// Makes many users, each of whom gets a welcome mail
    Create(CreateUsersArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CreateUsersArgs {
    /// How many
    #[arg(long, value_name = "N", default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) count: u32,
    /// How many at a time
    #[arg(long, value_name = "N", default_value_t = 10,
        value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) concurrency: u32,
    /// The user service
    #[arg(long, value_name = "URL", env = "USER_SVC_URL", default_value = "http://127.0.0.1:8081")]
    pub(crate) user_svc: String,
}

#[derive(Debug, Args)]
pub(crate) struct JobsArgs {
    #[command(subcommand)]
    pub(crate) command: JobsCommand,
    /// JSON on stdout instead of a table
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The job service
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "JOB_SVC_URL",
        default_value = "http://127.0.0.1:8082"
    )]
    pub(crate) job_svc: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum JobsCommand {
    /// Jobs that match, the newest first
    List(FilterArgs),
    /// One job
    Show {
        /// Its number
        id: i64,
    },
    /// Every transition of a job
    Events {
        /// Its number
        id: i64,
    },
    /// Cancels a waiting or running job
    Cancel {
        /// Its number
        id: i64,
    },
    /// Runs an ended job again
    Retry {
        /// Its number
        id: i64,
    },
    /// Runs all ended jobs again that match
    Replay(FilterArgs),
    /// Depth of each queue by state
    Stats,
}

#[derive(Debug, Args)]
pub(crate) struct FilterArgs {
    /// email, convert_image, notify_user, callback or storage_cleanup
    #[arg(long, default_value = "")]
    pub(crate) kind: String,
    /// available, scheduled, executing, retryable, completed, discarded or cancelled
    #[arg(long, default_value = "")]
    pub(crate) state: String,
    /// Part of the error's text
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) error: String,
    /// At most this many (list only)
    #[arg(long, value_name = "N", default_value_t = 100,
        value_parser = clap::value_parser!(i32).range(1..=1_000))]
    pub(crate) limit: i32,
}

#[derive(Debug, Args)]
pub(crate) struct OpenApiArgs {
    /// This one only, as it serves it at /openapi.json
    #[arg(value_enum)]
    pub(crate) service: Option<Service>,
    /// YAML instead of JSON
    #[arg(long)]
    pub(crate) yaml: bool,
}
