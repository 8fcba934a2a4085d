/// A page of what an S3 service answers to `ListMultipartUploads`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UploadList {
    pub(crate) uploads: Vec<BegunUpload>,
    /// The key and the upload after which the next page begins.
    pub(crate) next: Option<(String, String)>,
}

/// An upload in parts that was neither completed nor aborted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BegunUpload {
    /// The object's name, with the prefix of a store.
    pub(crate) name: String,
    pub(crate) id: String,
    /// `YYYYMMDD'T'HHMMSS`, in UTC: it sorts as the time does.
    pub(crate) begun: String,
}

impl UploadList {
    /// Reads the answer; `None` for one to another question, as some servers give.
    ///
    /// The few elements are found by their names. An upload of which one is missing, or whose time
    /// is in no spelling of UTC, is left out: nobody knows that it is old.
    pub(crate) fn parse(answer: &str) -> Option<Self> {
        let (list, _) = element(answer, "ListMultipartUploadsResult")?;
        let (mut uploads, mut rest) = (Vec::new(), list);
        while let Some((upload, after)) = element(rest, "Upload") {
            uploads.extend(BegunUpload::parse(upload));
            rest = after;
        }
        let truncated = text(list, "IsTruncated").is_some_and(|text| text == "true");
        let next = match (truncated, text(list, "NextKeyMarker")) {
            (true, Some(key)) => Some((key, text(list, "NextUploadIdMarker").unwrap_or_default())),
            _ => None,
        };
        Some(UploadList { uploads, next })
    }
}

impl BegunUpload {
    fn parse(upload: &str) -> Option<Self> {
        let begun = text(upload, "Initiated")?;
        let seconds = begun.strip_suffix('Z')?.split('.').next()?.replace(['-', ':'], "");
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let (day, clock) = seconds.split_once('T')?;
        if (day.len(), clock.len()) != (8, 6) || !digits(day) || !digits(clock) {
            return None;
        }
        Some(BegunUpload {
            name: text(upload, "Key")?,
            id: text(upload, "UploadId")?,
            begun: seconds,
        })
    }
}

/// What is inside of the first element of this name, and what comes after it.
fn element<'a>(within: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let mut rest = within;
    loop {
        let (_, after) = rest.split_once('<')?;
        rest = after;
        let Some(attributes) = after.strip_prefix(name) else { continue };
        // Another element's name may begin with this one.
        if !attributes.starts_with(['>', '/', ' ', '\t', '\r', '\n']) {
            continue;
        }
        let (attributes, content) = attributes.split_once('>')?;
        if attributes.ends_with('/') {
            return Some(("", content));
        }
        return content.split_once(&format!("</{name}>"));
    }
}

/// The text inside of the first element of this name.
fn text(within: &str, name: &str) -> Option<String> {
    let (mut escaped, _) = element(within, name)?;
    let mut plain = String::with_capacity(escaped.len());
    while let Some((before, after)) = escaped.split_once('&') {
        let (entity, after) = after.split_once(';')?;
        plain.push_str(before);
        plain.push(character(entity)?);
        escaped = after;
    }
    plain.push_str(escaped);
    Some(plain)
}

/// The character of an entity of XML 1.0, section 4.6, or of a numeric reference.
fn character(entity: &str) -> Option<char> {
    Some(match entity {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example of AWS's reference, with escapes.
    const ANSWER: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
        <ListMultipartUploadsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n\
        <Bucket>bucket</Bucket><KeyMarker/><UploadIdMarker></UploadIdMarker>\n\
        <NextKeyMarker>a&amp;b</NextKeyMarker><NextUploadIdMarker>YW55</NextUploadIdMarker>\n\
        <MaxUploads>3</MaxUploads><IsTruncated>true</IsTruncated>\n\
        <Upload><Key>my-divisor</Key><UploadId>XMgbGlrZSBlbHZpbmc</UploadId>\n\
        <Owner><ID>b1d16</ID></Owner><StorageClass>STANDARD</StorageClass>\n\
        <Initiated>2010-11-10T20:48:33.000Z</Initiated></Upload>\n\
        <Upload><Key>&lt;&#228;&#x62;&gt;</Key><UploadId>B</UploadId>\n\
        <Initiated>2010-11-10T20:49:33Z</Initiated></Upload>\n\
        <CommonPrefixes><Prefix>photos/</Prefix></CommonPrefixes></ListMultipartUploadsResult>";

    fn upload(name: &str, id: &str, begun: &str) -> BegunUpload {
        BegunUpload { name: name.to_owned(), id: id.to_owned(), begun: begun.to_owned() }
    }

    #[test]
    fn reads_the_example_of_the_reference() {
        let list = UploadList::parse(ANSWER).unwrap();

        let first = upload("my-divisor", "XMgbGlrZSBlbHZpbmc", "20101110T204833");
        assert_eq!(list.uploads, [first, upload("<äb>", "B", "20101110T204933")]);
        assert_eq!(list.next, Some(("a&b".to_owned(), "YW55".to_owned())));
    }

    #[test]
    fn a_last_page_has_no_next() {
        let last = ANSWER.replace("true", "false");
        assert_eq!(UploadList::parse(&last).unwrap().next, None);
        let none = "<ListMultipartUploadsResult/>";
        assert_eq!(UploadList::parse(none), Some(UploadList { uploads: Vec::new(), next: None }));
    }

    #[test]
    fn an_upload_of_unknown_age_is_left_out() {
        for time in ["2010-11-10T21:48:33+01:00", "10 November 2010", "2010-11-10", "", "Z"] {
            let unknown = ANSWER.replace("2010-11-10T20:48:33.000Z", time);
            assert_eq!(UploadList::parse(&unknown).unwrap().uploads.len(), 1, "{time}");
        }
    }

    #[test]
    fn an_answer_to_another_question_is_none() {
        for answer in ["", "<ListBucketResult></ListBucketResult>", "<html>", "{}"] {
            assert_eq!(UploadList::parse(answer), None, "{answer}");
        }
    }

    proptest! {
        #[test]
        fn reads_any_name_as_it_was_escaped(name in "\\PC{0,20}", id in "[!-~]{1,20}") {
            let escape = |text: &str| {
                let text = text.replace('&', "&amp;").replace('<', "&lt;");
                text.replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
            };
            let answer = ANSWER.replace("my-divisor", &escape(&name)).replace("XMgbGlrZSBlbHZpbmc", &escape(&id));
            let list = UploadList::parse(&answer).unwrap();
            prop_assert_eq!(&list.uploads[0], &upload(&name, &id, "20101110T204833"));
        }

        #[test]
        fn never_panics_on_an_answer(at in any::<prop::sample::Index>(), other in "\\PC{0,8}") {
            let mut answer = ANSWER.to_owned();
            let at = at.index(answer.len());
            prop_assume!(answer.is_char_boundary(at));
            answer.replace_range(at.., &other);
            let _ = UploadList::parse(&answer);
        }
    }
}
