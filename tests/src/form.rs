//! Forms on pages. Understands only what the bank's pages use: elements in lower
//! case, attributes in double quotes.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// A form on a page, with the values of its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

impl Form {
    /// Makes a form that no page has.
    #[must_use]
    pub fn new(action: &str) -> Self {
        Self {
            action: action.to_owned(),
            fields: Vec::new(),
        }
    }

    /// Returns the path that the form is sent to.
    #[must_use]
    pub fn action(&self) -> &str {
        &self.action
    }

    /// Returns a field's value; empty if there is no such field.
    #[must_use]
    pub fn value(&self, name: &str) -> &str {
        let field = self.fields.iter().find(|field| field.0 == name);
        field.map_or("", |field| field.1.as_str())
    }

    /// Sets a field's value.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|field| field.0 != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns the body that a browser sends.
    #[must_use]
    pub fn encoded(&self) -> String {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let pairs = self.fields.iter();
        let pairs: Vec<String> = pairs
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
            .collect();
        pairs.join("&")
    }

    pub(crate) fn all(page: &str, action: &str) -> Vec<Self> {
        let forms = page.split("<form ").skip(1);
        forms
            .filter_map(|rest| rest.split_once("</form>"))
            .filter_map(|(form, _)| form.split_once('>'))
            .filter(|(tag, _)| attribute(tag, "action").as_deref() == Some(action))
            .filter(|(tag, _)| attribute(tag, "method").as_deref() == Some("post"))
            .map(|(_, inside)| Self {
                action: action.to_owned(),
                fields: fields(inside),
            })
            .collect()
    }
}

fn fields(form: &str) -> Vec<(String, String)> {
    let inputs = form.split("<input ").skip(1);
    inputs
        .filter_map(|rest| rest.split_once('>'))
        .filter_map(|(tag, _)| {
            let value = attribute(tag, "value").unwrap_or_default();
            Some((attribute(tag, "name")?, value))
        })
        .collect()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let tag = format!(" {tag}");
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    Some(unescaped(value))
}

fn unescaped(text: &str) -> String {
    let entities = [
        ("&lt;", "<"),
        ("&#60;", "<"),
        ("&gt;", ">"),
        ("&#62;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ];
    entities
        .iter()
        .fold(text.to_owned(), |text, (entity, c)| text.replace(entity, c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_is_parsed_and_sent_as_by_browser() {
        let page = r#"<form method="post" action="/a"><input name="x"></form>
            <form method="post" action="/login">
              <input type="hidden" name="return_to" value="/a?b=1&#38;c=&#34;2&#34;">
              <input type="hidden" autocomplete="username" value="unnamed">
              <label>Name <input name="username" required value=""></label>
            </form>"#;
        let forms = Form::all(page, "/login");
        assert_eq!(forms.len(), 1);
        assert_eq!(forms[0].value("return_to"), "/a?b=1&c=\"2\"");
        let sent = forms[0].clone().with("username", "a b").encoded();
        assert_eq!(
            sent,
            "return%5Fto=%2Fa%3Fb%3D1%26c%3D%222%22&username=a%20b"
        );
    }
}
