//! Environment and program search.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::sync::Arc;

/// An environment, ready for the kernel. Copies share the texts: of thousands of starts each is given all of it.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    entries: Vec<Entry>,
}

/// One variable.
#[derive(Debug, Clone)]
struct Entry {
    /// `NAME=value`
    text: Arc<CStr>,
    /// How long the name is.
    name: usize,
}

impl Environment {
    /// No variables.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The variables of this process, without those that begin with one of these.
    pub fn of_this_process(without: &[&str]) -> Self {
        let entries = std::env::vars_os()
            .filter(|(name, _)| {
                !without
                    .iter()
                    .any(|prefix| name.as_bytes().starts_with(prefix.as_bytes()))
            })
            .filter_map(|(name, value)| entry(name, &value))
            .collect();
        Self { entries }
    }

    /// These variables. One with a NUL byte, or with a name that is empty or has a `=`, is an error, and
    /// named.
    pub fn of(variables: &[(String, String)]) -> Result<Self, String> {
        let entries = variables
            .iter()
            .map(|(name, value)| {
                if name.is_empty() || name.contains('=') {
                    return Err(name.clone());
                }
                entry(name.into(), value.as_ref()).ok_or_else(|| name.clone())
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    /// Add one variable, or replace it.
    pub fn set(&mut self, name: &str, value: &str) {
        self.entries.retain(|old| old.name() != name.as_bytes());
        self.entries.extend(entry(name.into(), value.as_ref()));
    }

    /// Whether a variable is set.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The value of a variable; of several with one name the last.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.entries
            .iter()
            .rfind(|entry| entry.name() == name.as_bytes())
            .map(|entry| &entry.text.to_bytes()[name.len() + 1..])
    }

    /// This environment with another's on top, without copying either.
    pub fn below(&self, top: &Self) -> Vec<Arc<CStr>> {
        let hidden = |entry: &Entry| {
            let name = entry.name();
            top.entries.iter().any(|other| other.name() == name)
        };
        self.entries
            .iter()
            .filter(|entry| !hidden(entry))
            .chain(&top.entries)
            .map(|entry| Arc::clone(&entry.text))
            .collect()
    }
}

impl Entry {
    fn name(&self) -> &[u8] {
        &self.text.to_bytes()[..self.name]
    }
}

fn entry(name: OsString, value: &OsStr) -> Option<Entry> {
    let mut bytes = name.into_vec();
    // As whoever reads it takes it: up to the first of them.
    let end = bytes.iter().position(|byte| *byte == b'=');
    let name = end.unwrap_or(bytes.len());
    bytes.push(b'=');
    bytes.extend_from_slice(value.as_bytes());
    let text = CString::new(bytes).ok()?.into();
    Some(Entry { text, name })
}

/// The files that a program of this name may be: itself if it has a `/`, else one in each folder of
/// the search path.
pub fn candidates(program: &CStr, path: Option<&[u8]>) -> Vec<CString> {
    let name = program.to_bytes();
    if name.contains(&b'/') {
        return vec![program.to_owned()];
    }
    let path = path.unwrap_or(b"/usr/local/bin:/usr/bin:/bin");
    path.split(|byte| *byte == b':')
        .filter_map(|folder| {
            // An empty entry means the working folder, by an old rule.
            let folder = if folder.is_empty() { b"." } else { folder };
            CString::new([folder, b"/", name].concat()).ok()
        })
        .collect()
}
