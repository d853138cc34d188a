//! What `diff` shows: for each service its objects that would change, with their fields; and what `render --manifests`
//! shows: the objects themselves.

use gantry_driver_kubernetes::preview::{Change, FieldDifference, ObjectChange, Preview};
use serde_json::{Value, json};

use super::origins::{self, OriginLine};
use super::{Data, Page, View, to_yaml};
use crate::style::{Text, Tone, harmless};

/// What would change.
#[derive(Debug)]
pub(crate) struct DiffView {
    /// By service.
    pub(crate) services: Vec<ServiceDiff>,
}

/// What would change of a service.
#[derive(Debug)]
pub(crate) struct ServiceDiff {
    /// Its name.
    pub(crate) service: String,
    /// Its mode.
    pub(crate) mode: &'static str,
    /// That, or why it cannot be told.
    pub(crate) found: Result<Preview, String>,
}

impl DiffView {
    /// Whether something could not be looked at.
    pub(crate) fn failed(&self) -> bool {
        self.services.iter().any(|one| one.found.is_err())
    }
}

impl View for DiffView {
    fn lines(&self, page: Page) -> Vec<Text> {
        let mut lines = Vec::new();
        for one in &self.services {
            if !lines.is_empty() {
                lines.push(Text::new());
            }
            lines.extend(of_service(one));
        }
        if lines.is_empty() {
            lines.push(Text::of(Tone::Dim, "No service runs in a cluster"));
        }
        match page.width {
            Some(width) => lines.into_iter().map(|line| line.cut(width)).collect(),
            None => lines,
        }
    }

    fn data(&self) -> Data {
        let services = self.services.iter().map(|one| {
            let (found, error) = match &one.found {
                Ok(found) => (json!(found), Value::Null),
                Err(error) => (Value::Null, json!(error)),
            };
            json!({ "service": one.service, "mode": one.mode, "changes": found, "error": error })
        });
        Data::Value(services.collect())
    }
}

fn of_service(one: &ServiceDiff) -> Vec<Text> {
    let head = Text::of(Tone::Strong, harmless(&one.service));
    let found = match &one.found {
        Ok(found) => found,
        Err(error) => {
            return vec![
                head.and(Tone::Bad, "  cannot be looked at: ")
                    .plain(harmless(error)),
            ];
        }
    };
    let changed = found
        .objects
        .iter()
        .filter(|one| one.change != Change::Keep);
    let changed: Vec<&ObjectChange> = changed.collect();
    let of = match &found.of {
        Some((Some(old), new)) if old != new => format!("  {old} → {new}"),
        Some((_, new)) => format!("  {new}"),
        None => String::new(),
    };
    let head = head.and(Tone::Dim, harmless(&of));
    if changed.is_empty() {
        return vec![head.and(Tone::Dim, "  nothing would change")];
    }
    let mut lines = vec![head];
    for object in changed {
        let (tone, mark) = match object.change {
            Change::Create => (Tone::Good, "+"),
            Change::Delete => (Tone::Bad, "-"),
            Change::Change | Change::Keep => (Tone::Warn, "~"),
        };
        lines.push(Text::of(tone, format!("  {mark} ")).plain(harmless(&object.object)));
        lines.extend(object.fields.iter().map(field));
        if let Some(trouble) = &object.trouble {
            lines.push(Text::of(Tone::Bad, "      refused: ").plain(harmless(trouble)));
        }
    }
    lines
}

fn field(field: &FieldDifference) -> Text {
    let show = |value: &Option<Value>| match value {
        None => "(none)".to_owned(),
        Some(Value::String(text)) if !text.is_empty() && !text.contains('\n') => text.clone(),
        Some(value) => value.to_string(),
    };
    let path = Text::of(Tone::Dim, format!("      {}: ", harmless(&field.path)));
    path.plain(harmless(&show(&field.from)))
        .and(Tone::Dim, " → ")
        .plain(harmless(&show(&field.to)))
}

/// What services in clusters are given: the objects as they are rendered, and the values of releases.
#[derive(Debug)]
pub(crate) struct ManifestsView {
    /// By service; nothing if objects are not asked for.
    pub(crate) services: Option<Vec<ServiceDiff>>,
    /// By service; nothing if values are not asked for.
    pub(crate) values: Option<Vec<ServiceValues>>,
}

/// The values of a release, each with its place.
#[derive(Debug, serde::Serialize)]
pub(crate) struct ServiceValues {
    /// Its service.
    pub(crate) service: String,
    /// The chart's and everybody's over them.
    pub(crate) values: Vec<OriginLine>,
}

impl ManifestsView {
    fn documents(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.services.iter().flatten().flat_map(|one| {
            let objects = one.found.iter().flat_map(|found| &found.objects);
            let manifests = objects.filter_map(|object| object.manifest.as_ref());
            manifests.map(|manifest| (one.service.as_str(), manifest))
        })
    }
}

impl View for ManifestsView {
    fn lines(&self, page: Page) -> Vec<Text> {
        let mut lines = Vec::new();
        // Beside objects they are comments, so that the whole can be given to a program.
        let mark = if self.services.is_some() { "# " } else { "" };
        for one in self.values.iter().flatten() {
            let name = format!("{mark}{}", harmless(&one.service));
            lines.push(Text::of(Tone::Strong, name));
            let table = origins::table(&one.values, page).into_iter();
            lines.extend(table.map(|line| Text::of(Tone::Dim, mark).plain("  ").join(line)));
        }
        if lines.is_empty() && self.services.is_none() {
            lines.push(Text::of(Tone::Dim, "No service runs in the mode helm"));
        }
        for (service, manifest) in self.documents() {
            lines.push(Text::from("---"));
            lines.push(Text::of(Tone::Dim, format!("# {}", harmless(service))));
            let text = to_yaml(manifest);
            lines.extend(text.lines().map(|line| Text::from(harmless(line))));
        }
        lines
    }

    fn data(&self) -> Data {
        let all = self.documents();
        let all =
            all.map(|(service, manifest)| json!({ "service": service, "manifest": manifest }));
        let values = self.values.iter().flatten().map(|one| json!(one));
        Data::Value(values.chain(all).collect())
    }
}
