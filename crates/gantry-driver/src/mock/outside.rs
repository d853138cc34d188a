//! What a test does to the mock's backend, and asks of it.

use std::sync::Arc;

use gantry_core::{ExitStatus, InstanceId};
use smol_str::SmolStr;

use super::MockDriver;
use super::backend::{Held, Key, Life};
use super::requests::lost;
use crate::{ChildName, ChildStatus, DriverEvent, Make, OutputStream, Settings};

impl MockDriver {
    /// It ends now, by itself.
    pub fn exit(&self, stack: &str, instance: &InstanceId, exit: ExitStatus) {
        let mut backend = self.shared.lock();
        let key = key(stack, instance);
        if backend
            .things
            .get(&key)
            .is_some_and(|thing| matches!(thing.life, Life::Running { .. }))
        {
            self.shared.end(&mut backend, &key, exit);
        }
    }

    /// The backend says that it is, or is not, ready.
    pub fn set_ready(&self, stack: &str, instance: &InstanceId, ready: bool, evidence: &str) {
        let key = key(stack, instance);
        self.shared.lock().set_ready(&key, ready, evidence);
    }

    /// A part shows, changes, or is gone (`state` is `None`).
    pub fn set_child(
        &self,
        stack: &str,
        instance: &InstanceId,
        name: &str,
        state: Option<&str>,
        ready: bool,
    ) {
        let child = ChildStatus {
            name: ChildName::new(name),
            state: state.map(SmolStr::new),
            started: state.is_some(),
            ready,
            completed: false,
            message: None,
        };
        self.shared.lock().child(&key(stack, instance), &child);
    }

    /// It prints a line.
    pub fn print(&self, stack: &str, instance: &InstanceId, line: &str) {
        let key = key(stack, instance);
        self.shared.lock().print(&key, OutputStream::Stdout, line);
    }

    /// Sends this event to the sessions of the stack, whether it makes sense or not.
    pub fn inject(&self, stack: &str, event: &DriverEvent) {
        let backend = self.shared.lock();
        for open in backend.sessions.values().filter(|open| open.stack == stack) {
            open.events.send(event.clone());
        }
    }

    /// The backend of this group cannot be reached any more. What was under way there goes on, but
    /// nobody hears how it ends.
    pub fn lose(&self, group: &str, reason: &str) {
        let mut backend = self.shared.lock();
        let group = SmolStr::new(group);
        if backend
            .unreachable
            .insert(group.clone(), reason.to_owned())
            .is_some()
        {
            return;
        }
        for open in backend.sessions.values().filter(|open| open.group == group) {
            open.events.send(DriverEvent::Unreachable {
                reason: reason.to_owned(),
            });
        }
        let mut answers = Vec::new();
        for (key, thing) in &mut backend.things {
            if thing.group == group {
                for (session, effect) in std::mem::take(&mut thing.starts) {
                    answers.push((session, lost(key, thing.generation, effect, reason)));
                }
                for (session, effect, generation) in std::mem::take(&mut thing.stops) {
                    answers.push((session, lost(key, generation, effect, reason)));
                }
            }
        }
        for (session, event) in answers {
            backend.answer(session, event);
        }
    }

    /// The backend of this group can be reached again.
    pub fn regain(&self, group: &str) {
        let mut backend = self.shared.lock();
        let group = SmolStr::new(group);
        if backend.unreachable.remove(&group).is_none() {
            return;
        }
        for open in backend.sessions.values().filter(|open| open.group == group) {
            let observed = backend.observe(&open.stack, &group);
            open.events.send(DriverEvent::Reachable { observed });
        }
        for held in std::mem::take(&mut backend.held) {
            // What is for another group that is still away is held again.
            match held {
                Held::Start(session, request) => self.shared.start(&mut backend, session, request),
                Held::Stop(session, request) => self.shared.stop(&mut backend, session, request),
                Held::Update(session, request) => {
                    super::Shared::update(&mut backend, session, request);
                }
            }
        }
    }

    /// Which instances of a stack live, in order.
    pub fn alive(&self, stack: &str) -> Vec<InstanceId> {
        let backend = self.shared.lock();
        let ours = backend
            .things
            .iter()
            .filter(|((of, _), thing)| of == stack && thing.lives());
        ours.map(|((_, instance), _)| instance.clone()).collect()
    }

    /// It would be made from something else if it were started now.
    pub fn outdate(&self, stack: &str, instance: &InstanceId, what: &str) {
        let mut backend = self.shared.lock();
        backend.outdated.insert(key(stack, instance), what.into());
    }

    /// How it was to be made when it was started last.
    pub fn made(&self, stack: &str, instance: &InstanceId) -> Option<Make> {
        self.shared.lock().makes.get(&key(stack, instance)).copied()
    }

    /// How often an instance came to life by our doing.
    pub fn starts(&self, stack: &str, instance: &InstanceId) -> u32 {
        let backend = self.shared.lock();
        backend
            .starts
            .get(&key(stack, instance))
            .copied()
            .unwrap_or(0)
    }

    /// What an instance was started with, as far as every mode has it.
    pub fn settings(&self, stack: &str, instance: &InstanceId) -> Option<Arc<Settings>> {
        let backend = self.shared.lock();
        let thing = backend.things.get(&key(stack, instance))?;
        Some(Arc::clone(&thing.settings))
    }
}

fn key(stack: &str, instance: &InstanceId) -> Key {
    (SmolStr::new(stack), instance.clone())
}
