use mcsv_image_pdf::Format;
use mcsv_protos::rules::invalid;
use mcsv_rpc::Result;

/// The format of an image by its first bytes, which must agree with what the request says.
pub(crate) fn format(field: &str, image: &[u8], said_field: &str, said: &str) -> Result<Format> {
    let Some(format) = mcsv_image_pdf::sniff(image) else {
        return Err(invalid(field, "the bytes are neither PNG nor JPEG"));
    };
    let agrees = match said {
        "" => true,
        "png" => format == Format::Png,
        "jpg" | "jpeg" => format == Format::Jpeg,
        other => {
            let shown: String = other.chars().take(32).collect();
            let problem = format!("unknown format {shown:?}: give png, jpeg, jpg, or nothing");
            return Err(invalid(said_field, problem));
        }
    };
    if !agrees {
        return Err(invalid(
            said_field,
            format!("{said} was said and the bytes are {}", format.extension()),
        ));
    }
    Ok(format)
}
