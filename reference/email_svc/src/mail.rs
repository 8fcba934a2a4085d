use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use mcsv_core::TraceId;
use mcsv_protos::rules::invalid;
use mcsv_protos::v1::EmailRequest;
use mcsv_rpc::{Error, Result};

use crate::template::Template;

/// One mail with a text and an HTML part. Its Message-ID derives from the `email_id`, so that a
/// mail that was sent twice in spite of all is shown once by the reader's program.
pub(crate) fn build(
    from: &Mailbox,
    request: &EmailRequest,
    template: &Template,
    trace_id: TraceId,
) -> Result<Message> {
    let address = request.user_email.parse().map_err(|error| {
        invalid("user_email", format!("{:?} can't be mailed: {error}", request.user_email))
    })?;
    let to = Mailbox::new(Some(request.user_name.clone()), address);
    let rendered = template.render(&request.user_name, &request.variables);
    let message_id = format!("<{}@{}>", request.email_id, from.email.domain());
    let mut message = Message::builder()
        .from(from.clone())
        .to(to)
        .subject(rendered.subject)
        .message_id(Some(message_id))
        .date_now()
        .multipart(MultiPart::alternative_plain_html(rendered.text, rendered.html))
        .map_err(|error| Error::internal("the mail could not be built").with_source(error))?;
    for (name, value) in [
        // Out-of-office replies to a machine are not wanted (RFC 3834).
        (HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()),
        (HeaderName::new_from_ascii_str("X-Trace-Id"), trace_id.to_string()),
    ] {
        message.headers_mut().insert_raw(HeaderValue::new(name, value));
    }
    Ok(message)
}
