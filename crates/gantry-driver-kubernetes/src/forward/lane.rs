//! One listener, and the connections through it.

mod work;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gantry_core::InstanceId;
use gantry_driver::{ChildName, ChildStatus};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::Noted;
use super::carry::Traffic;
use super::target::{Aim, Way};
use crate::context::Context;
use crate::link::Input;
use work::Work;

/// A listener.
#[derive(Debug)]
pub(super) struct Lane {
    /// The port that was asked for.
    pub(super) wanted_port: u16,
    state: Arc<State>,
    aim: watch::Sender<Option<Aim>>,
    /// Why there is nothing to aim at.
    wrong: Option<String>,
    _task: AbortOnDropHandle<()>,
}

/// What the tasks of a lane have seen.
#[derive(Debug, Default)]
struct State {
    port: AtomicU16,
    /// Whether what it leads to takes connections.
    ready: watch::Sender<bool>,
    been_ready: AtomicBool,
    open: AtomicU64,
    total: AtomicU64,
    traffic: Traffic,
    error: Mutex<Option<String>>,
}

/// Connections and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    total: u64,
    open: u64,
    sent: u64,
    received: u64,
}

impl State {
    fn set_ready(&self, ready: bool) {
        self.ready.send_replace(ready);
        if ready && !self.been_ready.swap(true, Ordering::Relaxed) {
            // What went wrong on the way is over.
            *self.error.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    fn counts(&self) -> Counts {
        let load = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Counts {
            total: load(&self.total),
            open: load(&self.open),
            sent: load(&self.traffic.sent),
            received: load(&self.traffic.received),
        }
    }

    fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// Whether no new connection can be opened; whether that is new.
    fn set_blocked(&self, blocked: bool) -> bool {
        self.traffic.blocked.swap(blocked, Ordering::Relaxed) != blocked
    }

    fn wrong(&self, error: String) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    fn error(&self) -> Option<String> {
        let error = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        error.clone()
    }
}

impl Lane {
    /// Opens it.
    pub(super) fn open(
        instance: &InstanceId,
        context: &Arc<Context>,
        outbox: &UnboundedSender<Input>,
        noted: &Noted,
        port: u16,
    ) -> Self {
        let state = Arc::new(State::default());
        let (aim, aims) = watch::channel(None);
        let work = Work {
            instance: instance.clone(),
            context: Arc::clone(context),
            outbox: outbox.clone(),
            state: Arc::clone(&state),
            aims,
            doubt: Arc::default(),
            patience: Duration::from_millis(noted.forward.connect_timeout.0),
        };
        let addresses: Vec<IpAddr> = match &noted.forward.address {
            Some(address) => address.parse().into_iter().collect(),
            None => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
        };
        let task = tokio::spawn(work.run(addresses, port));
        Self {
            wanted_port: port,
            state,
            aim,
            wrong: None,
            _task: AbortOnDropHandle::new(task),
        }
    }

    /// Points it somewhere. Where it leads now it stays as long as that is possible.
    pub(super) fn aim(&mut self, way: Way) {
        let now = self.aim.borrow().clone();
        let next = match now {
            Some(aim) if way.aims.contains(&aim) => Some(aim),
            _ => way.aims.first().cloned(),
        };
        self.wrong = way.wrong;
        self.aim.send_if_modified(|aim| {
            let differs = *aim != next;
            if differs {
                self.state.set_ready(false);
                *aim = next;
            }
            differs
        });
    }

    /// The port that it has.
    pub(super) fn port(&self) -> u16 {
        match self.state.port.load(Ordering::Relaxed) {
            0 => self.wanted_port,
            port => port,
        }
    }

    /// Why it is not ready, if it is not.
    pub(super) fn missing(&self, name: &str, wrong: Option<&str>) -> Option<String> {
        if self.state.is_ready() {
            return None;
        }
        let leads = self.leads(name, wrong);
        Some(match self.state.error() {
            Some(error) => format!("{leads}; {error}"),
            None => leads,
        })
    }

    /// Where it leads.
    fn leads(&self, name: &str, wrong: Option<&str>) -> String {
        match &*self.aim.borrow() {
            Some(aim) => format!("to pod/{}:{}", aim.pod, aim.port),
            None => match wrong.or(self.wrong.as_deref()) {
                Some(wrong) => wrong.to_owned(),
                None => format!("to {name}: nothing is there"),
            },
        }
    }

    /// As a part of its service.
    pub(super) fn child(&self, name: &str, wrong: Option<&str>) -> ChildStatus {
        let state = &self.state;
        let ready = state.is_ready();
        let mut told = vec![self.leads(name, wrong)];
        let counts = state.counts();
        if counts.total > 0 {
            told.push(format!(
                "{} connections, {} open, {} in, {} out",
                counts.total,
                counts.open,
                size(counts.sent),
                size(counts.received)
            ));
        }
        if let Some(error) = state.error() {
            told.push(if ready {
                format!("last error: {error}")
            } else {
                error
            });
        }
        ChildStatus {
            name: ChildName::new(format!("forward/{}", self.port())),
            state: Some(if ready {
                "ready".into()
            } else {
                "waiting".into()
            }),
            started: true,
            ready,
            completed: false,
            message: Some(told.join("; ")),
        }
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{} GB", bytes / 1_000_000_000),
    }
}
