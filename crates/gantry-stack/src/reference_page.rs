//! The reference page of stack files, made of the descriptions in [`element`](crate::element).

use std::fmt::Write as _;

use crate::element::{Element, Kind, Need, STACK, mode, walk};

#[cfg(test)]
mod tests;

/// The page as Markdown.
pub fn reference_page() -> String {
    let mut page = String::from(HEAD);
    for element in walk(&STACK) {
        section(&mut page, element);
    }
    page
}

const HEAD: &str = "\
# The stack file: reference

<!-- Made of the descriptions in `crates/gantry-stack/src/element`; change those, then run
     `UPDATE_REFERENCE=1 cargo test -p gantry-stack reference_page`. -->

A stack file is `gantry.toml` or `gantry.yaml`; both formats have the same keys. Where a value is no
text, a text with `${NAME}` or `{{ vars.NAME }}` that stands for one may be written instead.

| kind | what it is |
|---|---|
| text | a string that must be known when the file is read: `${NAME}` and `{{ vars.NAME }}` may stand in it |
| template | a string with references such as `{{ services.db.host }}`, too; numbers and `true` are taken as written |
| path | a template; a relative path begins at the folder of the file in which it is written |
| command | a list of a program and its arguments, each a template |
| duration | `\"200ms\"`, `\"10s\"`, `\"1m30s\"`; the units are ms, s, m, h, d |
| size | `\"512MiB\"`, `\"10MB\"`, or a number of bytes |

References. `{{ PATH | default(VALUE) }}` stands for VALUE where PATH leads nowhere; `{{{{` is a literal `{{`; a
name with a dot in it goes into double quotes.

| path | what it is |
|---|---|
| `vars.NAME` | a variable of the file; below it, `vars.NAME.KEY` |
| `stack.name`, `stack.file`, `stack.dir` | the stack, its file and its folder |
| `name`, `instance` | the service's own name; the number of the instance, from 1 |
| `host` | the host by which the instance knows itself |
| `ports.NAME` | the instance's own port |
| `services.S.host`, `services.S.ports.NAME` | where another service is, as seen from the one who asks |
| `services.S.addresses.NAME` | `HOST:PORT` of every instance, a list |
| `services.S.url`, `services.S.urls.NAME` | its first port as a URL; a port of every instance as one, a list |
| `services.S.name`, `services.S.mode` | its name, its mode |

A reference to what is only known once `S` runs makes the service wait until `S` is ready, unless `depends-on`
names `S` already.

";

fn section(page: &mut String, element: &'static Element) {
    let title = match element.name {
        "stack" => "The file".to_owned(),
        name if mode::find(name).is_some() => format!("Mode `{name}`"),
        name => format!("`{name}`"),
    };
    let _ = writeln!(
        page,
        "<a id=\"{}\"></a>\n## {title}\n\n{}\n",
        element.name, element.doc
    );
    page.push_str("| key | kind | default | |\n|---|---|---|---|\n");
    for field in element.fields {
        let default = match field.need {
            Need::Required => "required".to_owned(),
            Need::Optional => String::new(),
            Need::Default(toml) => format!("`{toml}`"),
        };
        let _ = writeln!(
            page,
            "| `{}` | {} | {default} | {}{} |",
            field.key,
            kind(&field.kind).replace('|', "\\|"),
            field.doc.replace('|', "\\|"),
            words(&field.kind).replace('|', "\\|"),
        );
    }
    for group in element.exclusive {
        let keys: Vec<String> = group.iter().map(|key| format!("`{key}`")).collect();
        let needed = element.one_of.contains(group);
        let word = if needed { "Exactly one" } else { "At most one" };
        let _ = writeln!(page, "\n{word} of {} may be there.", keys.join(", "));
    }
    page.push('\n');
}

fn kind(of: &'static Kind) -> String {
    match of {
        Kind::Bool => "`true` or `false`".into(),
        Kind::Integer(..) => "whole number".into(),
        Kind::Scalar(scalar) => scalar.name.into(),
        Kind::Word(_) => "word".into(),
        Kind::Text => "text".into(),
        Kind::Template => "template".into(),
        Kind::Path => "path".into(),
        Kind::Secretive => "template or [secret](#secret)".into(),
        Kind::Command => "command".into(),
        Kind::List(item) => format!("list of: {}", kind(item)),
        Kind::OneOrMany(item) => format!("one or a list of: {}", kind(item)),
        Kind::Map(_, item) => format!("names to: {}", kind(item)),
        Kind::Element(element) => {
            let link = format!("[{0}](#{0})", element.name);
            match element.short.and_then(|key| element.field(key)) {
                Some(field) => format!("{link}, or its `{}` alone", field.key),
                None => link,
            }
        }
        Kind::Either(kinds) => kinds.iter().map(kind).collect::<Vec<_>>().join(" or "),
        Kind::Any => "anything".into(),
    }
}

/// What the words mean.
fn words(of: &'static Kind) -> String {
    let Kind::Word(words) = of else {
        return String::new();
    };
    let each = words.iter().map(|(word, doc)| format!("`{word}`: {doc}"));
    format!(" {}.", each.collect::<Vec<_>>().join("; "))
}
