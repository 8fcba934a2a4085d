use std::borrow::Cow;
use std::collections::BTreeMap;

/// The two parts of one kind of mail, with `{{name}}` where a variable goes.
#[derive(Debug)]
pub(crate) struct Template {
    name: &'static str,
    subject: &'static str,
    text: &'static str,
    html: &'static str,
}

macro_rules! template {
    ($name:literal, $subject:literal) => {
        Template {
            name: $name,
            subject: $subject,
            text: include_str!(concat!("../templates/", $name, ".txt")),
            html: include_str!(concat!("../templates/", $name, ".html")),
        }
    };
}

static TEMPLATES: [Template; 5] = [
    template!("welcome", "Welcome, {{user_name}}"),
    template!("notification", "A message for you, {{user_name}}"),
    template!("user_updated", "Your profile was updated"),
    template!("conversion_complete", "Your PDF is ready: {{file_name}}"),
    template!("conversion_failed", "Your image could not be converted: {{file_name}}"),
];

/// A rendered mail.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

impl Template {
    pub(crate) fn named(name: &str) -> Option<&'static Template> {
        TEMPLATES.iter().find(|template| template.name == name)
    }

    #[cfg(test)]
    pub(crate) fn names() -> Vec<&'static str> {
        TEMPLATES.iter().map(|template| template.name).collect()
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Fills the template. A variable that it has no place for is listed under `{{details}}`; a
    /// place that has no variable stays empty.
    pub(crate) fn render(&self, user_name: &str, variables: &BTreeMap<String, String>) -> Rendered {
        let mut placed: BTreeMap<&str, Cow<'_, str>> =
            variables.iter().map(|(name, value)| (name.as_str(), Cow::from(value))).collect();
        placed.insert("user_name", user_name.into());
        let (text_details, html_details) = self.details(variables);

        let html = placed.iter().map(|(name, value)| (*name, Cow::from(escape(value))));
        let html = html.chain([("details", Cow::from(html_details))]).collect();
        // A subject is one line, whatever its variables hold.
        let one_line = |value: &str| value.split(char::is_control).collect::<Vec<_>>().join(" ");
        let subject =
            placed.iter().map(|(name, value)| (*name, Cow::from(one_line(value)))).collect();
        let subject = fill(self.subject, &subject);
        placed.insert("details", text_details.into());
        Rendered { subject, text: fill(self.text, &placed), html: fill(self.html, &html) }
    }

    fn details(&self, variables: &BTreeMap<String, String>) -> (String, String) {
        let has_place = |name: &str| self.text.contains(&format!("{{{{{name}}}}}"));
        let rest: BTreeMap<_, _> = variables.iter().filter(|(name, _)| !has_place(name)).collect();
        let text = rest.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        let items = rest
            .iter()
            .map(|(name, value)| format!("<li>{}: {}</li>", escape(name), escape(value)))
            .collect::<String>();
        let html = if items.is_empty() { items } else { format!("<ul>{items}</ul>") };
        (text, html)
    }
}

/// Replaces each `{{name}}` in one pass, so that a value that looks like a place is left alone.
fn fill(template: &str, values: &BTreeMap<&str, Cow<'_, str>>) -> String {
    let mut filled = String::with_capacity(template.len() + 256);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else { break };
        filled.push_str(before);
        filled.push_str(values.get(name).map_or("", |value| value));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(name: &str, variables: &[(&str, &str)]) -> Rendered {
        let owned = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Template::named(name).unwrap().render("Ada <b>", &owned)
    }

    #[test]
    fn escapes_what_a_user_wrote_in_the_html_part_alone() {
        let mail =
            render("notification", &[("message", "<script>alert('x')</script> & {{user_name}}")]);

        assert!(
            mail.html
                .contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; {{user_name}}")
        );
        assert!(mail.html.contains("Ada &lt;b&gt;"));
        assert!(mail.text.contains("<script>alert('x')</script>") && mail.text.contains("Ada <b>"));
    }

    #[test]
    fn a_variable_without_a_place_is_listed() {
        let mail = render("welcome", &[("plan", "gold & silver")]);

        assert!(mail.text.contains("plan: gold & silver"));
        assert!(mail.html.contains("<li>plan: gold &amp; silver</li>"));
    }

    #[test]
    fn a_subject_stays_one_line() {
        let mail = render("conversion_failed", &[("file_name", "a\r\nBcc: x@y.z")]);

        assert!(!mail.subject.contains(['\r', '\n']), "{:?}", mail.subject);
    }

    #[test]
    fn every_type_of_the_contract_has_a_template_and_the_reverse() {
        for name in Template::names() {
            assert!(mcsv_protos::rules::email_type("email_type", name).is_ok(), "{name}");
        }
        assert_eq!(Template::names().len(), 5);
    }

    #[test]
    fn every_template_is_filled_to_the_last_place() {
        for name in Template::names() {
            let mail = render(name, &[]);
            assert!(!mail.text.contains("{{") && !mail.html.contains("{{"), "{name}");
        }
    }
}
