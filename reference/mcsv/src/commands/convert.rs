use std::path::{Path, PathBuf};
use std::process::ExitCode;

use futures_util::{StreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use mcsv_core::SpanId;
use mcsv_protos::v1::ImageConversionRequest;
use serde_json::json;

use super::quiet_telemetry;
use crate::Result;
use crate::cli::ConvertArgs;
use crate::conversion::{Conversions, Ticket, Wish, pdf_names};
use crate::say;
use crate::traced::traced;

/// How many files are on their way at a time.
const AT_ONCE: usize = 8;

pub(crate) async fn run(args: ConvertArgs) -> Result<ExitCode> {
    let _telemetry = quiet_telemetry()?;
    tokio::fs::create_dir_all(&args.out)
        .await
        .map_err(|error| format!("--out {}: {error}", args.out.display()))?;
    let conversions = Conversions::of(&args.user_svc)?;
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}")?;
    let bar = ProgressBar::new(args.files.len() as u64).with_style(style);
    let work: Vec<_> = args.files.iter().cloned().zip(pdf_names(&args.files)).collect();
    let mut ended = stream::iter(work)
        .map(|(file, name)| {
            let wish = Wish { options: options(&args, &file), file: file.clone() };
            let (conversions, path) = (conversions.clone(), args.out.join(name));
            let span = tracing::info_span!("convert", file = %file.display());
            traced(span, |_| async move { (file, convert(conversions, wish, &path).await) })
        })
        .buffer_unordered(AT_ONCE);
    let mut failed = 0;
    while let Some((file, outcome)) = ended.next().await {
        bar.inc(1);
        failed += usize::from(outcome.is_err());
        bar.suspend(|| if args.json { as_json(&file, &outcome) } else { as_text(&file, &outcome) });
    }
    bar.finish_and_clear();
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Converted {
    pdf: PathBuf,
    output_bytes: u64,
    ticket: Ticket,
}

async fn convert(conversions: Conversions, wish: Wish, path: &Path) -> Result<Converted> {
    let ticket = conversions.submit(wish).await?;
    let end = conversions.follow(&ticket, |_| {}).await?;
    if end.state != "completed" {
        return Err(end.error.into());
    }
    let output_bytes = conversions.download(&end.presigned_url, path).await?;
    Ok(Converted { pdf: path.to_owned(), output_bytes, ticket })
}

fn options(args: &ConvertArgs, file: &Path) -> ImageConversionRequest {
    ImageConversionRequest {
        user_id: format!("cli-{}", SpanId::random()),
        user_email: args.email.clone(),
        pdf_quality: args.quality.as_str().to_owned(),
        max_width: args.max_width.into(),
        max_height: args.max_height.into(),
        strip_metadata: args.strip_metadata,
        file_name: file.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        ..ImageConversionRequest::default()
    }
}

fn as_text(file: &Path, outcome: &Result<Converted>) {
    match outcome {
        Ok(done) => say!(
            "{} -> {} ({} to {} bytes, trace {})",
            file.display(),
            done.pdf.display(),
            done.ticket.input_bytes,
            done.output_bytes,
            done.ticket.trace_id,
        ),
        Err(error) => eprintln!("{}: {error}", file.display()),
    }
}

fn as_json(file: &Path, outcome: &Result<Converted>) {
    let line = match outcome {
        Ok(done) => json!({
            "file": file.display().to_string(),
            "ok": true,
            "error": null,
            "pdf": done.pdf.display().to_string(),
            "trace_id": done.ticket.trace_id,
            "job_id": done.ticket.job_id,
            "input_bytes": done.ticket.input_bytes,
            "output_bytes": done.output_bytes,
        }),
        Err(error) => {
            json!({ "file": file.display().to_string(), "ok": false, "error": error.to_string() })
        }
    };
    say!("{line}");
}
