mod outcome;
mod samples;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use client_svc::{Inbox, Message};
use futures_util::{StreamExt, stream};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mcsv_core::{SpanId, TraceContext};
use mcsv_protos::v1::ImageConversionRequest;
use mcsv_settings::Settings;
use tokio::time::{Instant, timeout};

use self::outcome::Outcome;
use super::quiet_telemetry;
use crate::Result;
use crate::cli::DemoArgs;
use crate::conversion::{Conversions, Ticket, Wish, pdf_names};
use crate::service::{Service, configure};
use crate::stack::{Seat, Stack};
use crate::stop::asked_to_stop;
use crate::traced::traced;

/// How many files are on their way at a time.
const AT_ONCE: usize = 8;
/// Longest wait for a file's callback and mail. The slowest honest end is a conversion that uses
/// up its attempts of two minutes each.
const WAIT: Duration = Duration::from_secs(10 * 60);

pub(crate) async fn run(args: DemoArgs) -> Result<ExitCode> {
    let _telemetry = quiet_telemetry()?;
    tokio::fs::create_dir_all(&args.data)
        .await
        .map_err(|error| format!("--data {}: {error}", args.data.display()))?;
    let files = match args.files.is_empty() {
        true => samples::written_to(&args.data.join("samples")).await?,
        false => args.files.clone(),
    };
    let inbox = Inbox::new();
    let (mut stack, demo) = start(&args, inbox).await?;
    let ended = tokio::select! {
        code = demo.convert_all(&files, &args) => Ok(code),
        error = stack.failed() => Err(error),
        () = asked_to_stop() => Err("stopped before all was done: run it again to go on".into()),
    };
    stack.stop().await?;
    ended
}

/// The five services on free ports, that know each other.
async fn start(args: &DemoArgs, inbox: Inbox) -> Result<(Stack, Demo)> {
    let mut settings = vec![("DATA_DIR".to_owned(), args.data.display().to_string())];
    for name in ["IMAGE_MAX_BYTES", "IMAGE_MAX_PIXELS"] {
        settings.extend(std::env::var(name).ok().map(|value| (name.to_owned(), value)));
    }
    let mut seats = Vec::new();
    let mut user_svc = String::new();
    for service in Service::ALL {
        let seat = Seat::bind(service, "127.0.0.1", 0).await?;
        let url = format!("http://{}", seat.address());
        if service == Service::User {
            user_svc.clone_from(&url);
        }
        settings.push((service.url_variable().to_owned(), url));
        seats.push(seat);
    }
    let configs = configure(&Service::ALL, Settings::from_pairs(settings))?;
    let stack = Stack::start(seats, configs, &inbox).await?;
    let pdfs = args.data.join("pdf");
    tokio::fs::create_dir_all(&pdfs).await?;
    let demo = Demo {
        conversions: Conversions::of(&user_svc)?,
        inbox,
        pdfs,
        outbox: args.data.join("outbox"),
    };
    Ok((stack, demo))
}

/// A user who sends images and waits for callback, mail and PDF.
struct Demo {
    conversions: Conversions,
    inbox: Inbox,
    pdfs: PathBuf,
    outbox: PathBuf,
}

impl Demo {
    async fn convert_all(&self, files: &[PathBuf], args: &DemoArgs) -> ExitCode {
        let work: Vec<_> = files.iter().cloned().zip(pdf_names(files)).collect();
        let target = match args.json {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr(),
        };
        let bar = ProgressBar::with_draw_target(Some(work.len() as u64), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        let mut ended = stream::iter(work)
            .map(|(file, name)| {
                let span = tracing::info_span!("convert", file = %file.display());
                let bar = &bar;
                traced(span, |trace| self.convert(file, name, trace, args, bar))
            })
            .buffered(AT_ONCE);
        let mut all_arrived = true;
        while let Some(outcome) = ended.next().await {
            bar.inc(1);
            all_arrived &= outcome.is_ok();
            bar.suspend(|| if args.json { outcome.print_json() } else { outcome.print_text() });
        }
        bar.finish_and_clear();
        if all_arrived { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    async fn convert(
        &self,
        file: PathBuf,
        pdf_name: String,
        trace: TraceContext,
        args: &DemoArgs,
        bar: &ProgressBar,
    ) -> Outcome {
        let mut outcome = Outcome::new(file, trace.trace_id().to_string());
        let ended = self.follow(&mut outcome, &pdf_name, args, bar).await;
        if let Err(error) = ended {
            outcome.error = Some(error.to_string());
        }
        outcome
    }

    async fn follow(
        &self,
        outcome: &mut Outcome,
        pdf_name: &str,
        args: &DemoArgs,
        bar: &ProgressBar,
    ) -> Result<()> {
        let name = outcome.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        bar.set_message(format!("{name}: uploading"));
        // Names this file of this run in what comes back.
        let user_id = format!("demo-{}", SpanId::random());
        let options = ImageConversionRequest {
            user_id: user_id.clone(),
            user_name: "Demo".to_owned(),
            user_email: "demo@mcsv.localhost".to_owned(),
            pdf_quality: args.quality.as_str().to_owned(),
            file_name: name.clone(),
            ..ImageConversionRequest::default()
        };
        let begun = Instant::now();
        let wish = Wish { file: outcome.file.clone(), options };
        let ticket = self.conversions.submit(wish).await?;
        outcome.steps.upload = begun.elapsed();
        outcome.job_id = Some(ticket.job_id);
        outcome.input_bytes = Some(ticket.input_bytes);

        bar.set_message(format!("{name}: converting"));
        let callback = self.inbox.wait_for(|message| message.job_id() == ticket.job_id);
        let callback = timeout(WAIT, callback).await.map_err(|_| "no callback came in time")?;
        outcome.steps.total = begun.elapsed();
        let converted = self.result(outcome, &ticket, callback, pdf_name).await;

        bar.set_message(format!("{name}: waiting for the mail"));
        outcome.mail = Some(self.mail(&user_id).await?);
        outcome.steps.mail = begun.elapsed();
        converted
    }

    async fn result(
        &self,
        outcome: &mut Outcome,
        ticket: &Ticket,
        callback: Message,
        pdf_name: &str,
    ) -> Result<()> {
        let link = match callback {
            Message::PdfReady(ready) => ready.presigned_url,
            Message::Notification(told) => return Err(told.message.into()),
            _ => return Err("a callback of an unknown kind came".into()),
        };
        let pdf = self.pdfs.join(pdf_name);
        outcome.output_bytes = Some(self.conversions.download(&link, &pdf).await?);
        outcome.pdf = Some(pdf);
        let conversion = self.conversions.look(ticket).await?;
        outcome.steps.add(conversion.steps.as_ref());
        Ok(())
    }

    /// Where the mail is that tells how the conversion ended.
    async fn mail(&self, user_id: &str) -> Result<PathBuf> {
        let is_report = |message: &Message| match message {
            Message::Notification(told) => told.user_id == user_id && !told.email_id.is_empty(),
            _ => false,
        };
        let report = timeout(WAIT, self.inbox.wait_for(is_report)).await;
        match report.map_err(|_| "no mail came in time")? {
            Message::Notification(told) if told.success => Ok(self.mail_path(&told.email_id)),
            Message::Notification(told) => Err(format!("the mail failed: {}", told.message).into()),
            _ => Err("the report is none".into()),
        }
    }

    fn mail_path(&self, email_id: &str) -> PathBuf {
        Path::new(&self.outbox).join(format!("{email_id}.eml"))
    }
}
