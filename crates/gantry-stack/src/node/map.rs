//! An ordered mapping that is small when it has few entries.

use std::collections::HashMap;

use smol_str::SmolStr;

use super::Node;
use crate::span::Span;

/// Up to here a walk over the keys is faster than hashing.
const LINEAR: usize = 16;

/// A key and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The key's text.
    pub name: SmolStr,
    /// Where it stands.
    pub span: Span,
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// The value.
    pub value: Node,
}

/// A mapping in the order in which it was written; no key occurs twice.
#[derive(Clone, Debug, Default)]
pub struct Map {
    entries: Vec<Entry>,
    #[expect(
        clippy::box_collection,
        reason = "few mappings have one, and every node would grow by it"
    )]
    index: Option<Box<HashMap<SmolStr, usize>>>,
}

impl Map {
    /// An empty mapping.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty mapping with room.
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            entries: Vec::with_capacity(capacity),
            index: None,
        }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The value of a key.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.entry(name).map(|entry| &entry.value)
    }

    /// The value of a key, to change.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Node> {
        let at = self.position(name)?;
        Some(&mut self.entries[at].value)
    }

    /// Key and value.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.position(name).map(|at| &self.entries[at])
    }

    /// Whether the key is there.
    pub fn contains(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// Adds an entry, or puts it in the old one's place and gives the old one back.
    pub fn insert(&mut self, key: Key, value: Node) -> Option<Entry> {
        let entry = Entry { key, value };
        if let Some(at) = self.position(&entry.key.name) {
            return Some(std::mem::replace(&mut self.entries[at], entry));
        }
        if let Some(index) = &mut self.index {
            index.insert(entry.key.name.clone(), self.entries.len());
        }
        self.entries.push(entry);
        if self.index.is_none() && self.entries.len() > LINEAR {
            self.reindex();
        }
        None
    }

    /// Takes an entry out; the others keep their order.
    pub fn remove(&mut self, name: &str) -> Option<Entry> {
        let at = self.position(name)?;
        let entry = self.entries.remove(at);
        self.reindex();
        Some(entry)
    }

    /// Keeps the entries for which `keep` says so.
    pub fn retain(&mut self, keep: impl FnMut(&mut Entry) -> bool) {
        let before = self.entries.len();
        self.entries.retain_mut(keep);
        if self.entries.len() != before {
            self.reindex();
        }
    }

    /// The entries in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Entry> {
        self.entries.iter()
    }

    /// The values in order, to change.
    pub fn values_mut(&mut self) -> impl Iterator<Item = (&Key, &mut Node)> {
        self.entries
            .iter_mut()
            .map(|entry| (&entry.key, &mut entry.value))
    }

    /// The keys' names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.key.name.as_str())
    }

    fn position(&self, name: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(name).copied(),
            None => self.entries.iter().position(|entry| entry.key.name == name),
        }
    }

    fn reindex(&mut self) {
        self.index = (self.entries.len() > LINEAR).then(|| {
            let names = self.entries.iter().map(|entry| entry.key.name.clone());
            Box::new(names.zip(0..).collect())
        });
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = &'a Entry;
    type IntoIter = std::slice::Iter<'a, Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter()
    }
}

impl IntoIterator for Map {
    type Item = Entry;
    type IntoIter = std::vec::IntoIter<Entry>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}
