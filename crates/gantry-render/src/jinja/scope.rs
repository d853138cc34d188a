//! Which names stand for what, inside out.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use super::value::{Dict, Key, Value};

/// The names of a template while it is rendered.
#[derive(Debug)]
pub(super) struct Scope<'a> {
    context: &'a Dict,
    frames: Vec<HashMap<Rc<str>, Value>>,
}

/// What `loop` is in one round.
#[derive(Debug)]
pub struct Loop {
    pub(super) index0: usize,
    pub(super) items: Rc<Vec<Value>>,
    /// Whether its round is over: it may have been kept, and Jinja2's would then say something else.
    pub(super) over: Cell<bool>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(context: &'a Dict) -> Self {
        Self {
            context,
            frames: vec![HashMap::new()],
        }
    }

    pub(super) fn find(&self, name: &Rc<str>) -> Option<Value> {
        let set = self.frames.iter().rev().find_map(|frame| frame.get(name));
        set.or_else(|| self.context.get(&Key::Str(Rc::clone(name))))
            .cloned()
    }

    pub(super) fn set(&mut self, name: &Rc<str>, value: Value) {
        if let Some(frame) = self.frames.last_mut() {
            frame.insert(Rc::clone(name), value);
        }
    }

    pub(super) fn open(&mut self) {
        self.frames.push(HashMap::new());
    }

    pub(super) fn close(&mut self) {
        self.frames.pop();
    }
}
