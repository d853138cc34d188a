//! The tasks of a listener: one that accepts, one for each connection, one that looks whether the way is open, and one
//! that has counts told.
//!
//! # What is looked at, and when
//!
//! | when | what | why no more |
//! |---|---|---|
//! | it is not ready, or a connection broke | whether a pod takes a connection through it | |
//! | every two seconds | whether the cluster answers on a new connection, once for all listeners | a pod's program would note each connection that is made to it and closed |
//! | every minute | whether the pod still takes connections | the same |
//!
//! Connections that are open are watched on their own (`silence.rs`).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gantry_core::InstanceId;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, timeout};

use super::{Counts, State};
use crate::context::Context;
use crate::forward::carry::{self, End};
use crate::forward::target::Aim;
use crate::forward::tunnel::{self, Tunnel};
use crate::link::Input;

/// How often it is asked whether the cluster answers, and how often it is looked whether the pod takes connections.
const LOOK: Duration = Duration::from_secs(2);
const LOOK_THROUGH: Duration = Duration::from_mins(1);

/// How long a look may take. With what it is behind the last one, and what it takes to tell, this is less than five
/// seconds.
const LOOK_LIMIT: Duration = Duration::from_millis(2_500);

/// How soon after a failure, and how often a port that is taken is tried.
const AGAIN: Duration = Duration::from_millis(250);

/// After which time another way is tried beside one that does not open, and how long that one is waited for.
const BESIDE: Duration = Duration::from_secs(1);

/// What is closed without a byte in this time is closed at once: who runs the pod takes a second to tell.
const AT_ONCE: Duration = Duration::from_secs(2);

/// How old the counts are that are told.
const COUNT: Duration = Duration::from_secs(1);

/// What all tasks of a listener share.
#[derive(Clone)]
pub(super) struct Work {
    pub(super) instance: InstanceId,
    pub(super) context: Arc<Context>,
    pub(super) outbox: UnboundedSender<Input>,
    pub(super) state: Arc<State>,
    pub(super) aims: watch::Receiver<Option<Aim>>,
    /// Something has happened after which it is to be looked.
    pub(super) doubt: Arc<Notify>,
    pub(super) patience: Duration,
}

impl Work {
    pub(super) async fn run(self, addresses: Vec<IpAddr>, port: u16) {
        let listeners = self.listen(&addresses, port).await;
        // Each ends only with the session. None waits for another: a look that takes long holds no connection back.
        tokio::join!(self.accept(&listeners), self.clone().look(), self.count());
    }

    /// Opens the listeners. Who has the port is told until it is free.
    async fn listen(&self, addresses: &[IpAddr], port: u16) -> Vec<TcpListener> {
        loop {
            match bind(addresses, port).await {
                Ok(listeners) => {
                    let port = listeners.first().and_then(|it| it.local_addr().ok());
                    let port = port.map_or(0, |address| address.port());
                    self.state.port.store(port, Ordering::Relaxed);
                    return listeners;
                }
                Err(error) => {
                    self.failed(format!("port {port} cannot be opened: {error}"));
                    sleep(AGAIN).await;
                }
            }
        }
    }

    async fn accept(&self, listeners: &[TcpListener]) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = accept(listeners) => match accepted {
                    Ok(stream) => {
                        connections.spawn(self.clone().connection(stream));
                    }
                    Err(error) => {
                        // There are too many open files; the others go on.
                        self.failed(format!("no connection can be taken: {error}"));
                        sleep(AGAIN).await;
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }

    /// Looks again and again.
    async fn look(mut self) {
        // When it was last seen that the pod takes connections.
        let mut through: Option<Instant> = None;
        loop {
            let aim = self.aims.borrow_and_update().clone();
            let wait = match aim {
                None => LOOK_THROUGH,
                Some(aim) => {
                    let is_due = through.is_none_or(|at| at.elapsed() >= LOOK_THROUGH);
                    let looked = if is_due || !self.state.is_ready() {
                        through = None;
                        self.look_through(&aim).await
                    } else {
                        self.ask().await
                    };
                    match looked {
                        Ok(()) => {
                            through = through.or_else(|| Some(Instant::now()));
                            self.opened(&aim);
                            LOOK
                        }
                        Err(error) => {
                            through = None;
                            self.state.set_ready(false);
                            self.failed(error);
                            AGAIN
                        }
                    }
                }
            };
            tokio::select! {
                () = sleep(wait) => {}
                () = self.doubt.notified() => through = None,
                changed = self.aims.changed() => {
                    through = None;
                    if changed.is_err() {
                        return;
                    }
                }
            }
        }
    }

    /// Whether the cluster answers.
    async fn ask(&self) -> Result<(), String> {
        let road = self.context.cluster.road();
        let asked = road.map_err(|error| error.reason)?.is_open().await;
        self.blocked(asked.is_err());
        asked
    }

    /// Whether the pod takes a connection.
    async fn look_through(&self, aim: &Aim) -> Result<(), String> {
        let late = || {
            let limit = LOOK_LIMIT.as_secs_f64();
            let pod = &aim.pod;
            format!("the cluster has not opened a way to pod/{pod} within {limit} s")
        };
        let opened = timeout(LOOK_LIMIT, self.open(aim)).await;
        let opened = opened.unwrap_or_else(|_| Err(late()));
        // What the pod says is not about the way to it.
        self.blocked(opened.is_err());
        opened?.is_kept().await
    }

    /// Whether no new connection can be opened.
    fn blocked(&self, blocked: bool) {
        if self.state.set_blocked(blocked) && !blocked {
            // What was open all the time may be dead.
            let _ = self.outbox.send(Input::Doubt);
        }
    }

    async fn open(&self, aim: &Aim) -> Result<Tunnel, String> {
        let opened = tunnel::open(&self.context.cluster, aim).await;
        opened.map_err(|error| {
            // It is aimed at what was seen last: that is old.
            if error.is_gone {
                let _ = self.outbox.send(Input::Doubt);
            }
            error.reason
        })
    }

    /// A way to this is open.
    fn opened(&self, aim: &Aim) {
        if self.aims.borrow().as_ref() == Some(aim) && !self.state.is_ready() {
            self.state.set_ready(true);
            self.tell();
        }
    }

    /// Has counts told that have changed.
    async fn count(&self) {
        let mut told = Counts::default();
        let mut tick = interval(COUNT);
        loop {
            tick.tick().await;
            let now = self.state.counts();
            if now != told {
                told = now;
                self.tell();
            }
        }
    }

    fn failed(&self, error: String) {
        if self.state.error().as_deref() != Some(&error) {
            self.state.wrong(error);
            self.tell();
        }
    }

    /// Has the actor look at it.
    fn tell(&self) {
        // The actor ends only with the session.
        let _ = self.outbox.send(Input::Later(self.instance.clone()));
    }

    async fn connection(mut self, stream: TcpStream) {
        self.state.total.fetch_add(1, Ordering::Relaxed);
        self.state.open.fetch_add(1, Ordering::Relaxed);
        let _open = Open(Arc::clone(&self.state));
        // What is small is sent at once, as by a connection without anything between.
        let _ = stream.set_nodelay(true);
        let patience = self.patience;
        let begun = Instant::now();
        let mut last = "no pod is ready".to_owned();
        match timeout(patience, self.find(&mut last)).await {
            Ok(Some((aim, tunnel))) => self.carry(stream, &aim, tunnel).await,
            Ok(None) => {}
            Err(_) => {
                let waited = begun.elapsed().as_secs_f64();
                self.failed(format!(
                    "a connection was closed after {waited:.0} s: {last}"
                ));
            }
        }
    }

    /// Opens a way to a pod, as soon as there is one.
    async fn find(&mut self, last: &mut String) -> Option<(Aim, Tunnel)> {
        loop {
            let aim = self.aims.wait_for(Option::is_some).await.ok()?.clone()?;
            // One that does not open may be lost, or slow. So it is waited for, and others are tried beside it.
            let others = async {
                loop {
                    sleep(BESIDE).await;
                    if let Ok(Ok(found)) = timeout(BESIDE, self.attempt(&aim)).await {
                        return found;
                    }
                }
            };
            let attempt = tokio::select! {
                attempt = self.attempt(&aim) => attempt,
                tunnel = others => Ok(tunnel),
            };
            match attempt {
                Ok(tunnel) => return Some((aim, tunnel)),
                Err(error) => *last = error,
            }
            sleep(AGAIN).await;
        }
    }

    /// Where it is known that the pod takes connections, nothing is waited for.
    async fn attempt(&self, aim: &Aim) -> Result<Tunnel, String> {
        let was_ready = self.state.is_ready();
        let opened = self.open(aim).await;
        let mut tunnel = opened.inspect_err(|_| self.doubt.notify_one())?;
        if !was_ready || !self.state.is_ready() {
            tunnel.is_taken().await?;
            if !tunnel.is_over() {
                self.opened(aim);
            }
        }
        if self.aims.borrow().as_ref() == Some(aim) {
            Ok(tunnel)
        } else {
            Err("its pod has gone".to_owned())
        }
    }

    async fn carry(&mut self, stream: TcpStream, aim: &Aim, tunnel: Tunnel) {
        let (from, to) = stream.into_split();
        let begun = Instant::now();
        let end = tokio::select! {
            end = carry::carry(from, to, tunnel, &self.state.traffic) => end,
            // Its pod is gone, or another one serves.
            _ = self.aims.wait_for(|now| now.as_ref() != Some(aim)) => return,
        };
        let pod = &aim.pod;
        match end {
            // That is between the client and the pod's program, and no fault of the way.
            End::Empty if begun.elapsed() < AT_ONCE => {
                self.failed(format!("pod/{pod} closed a connection at once"));
                return;
            }
            End::Closed | End::Empty => return,
            End::Told(error) => {
                self.failed(tunnel::plain(&error));
            }
            End::Broken(error) => {
                self.failed(format!("a connection to pod/{pod} was closed: {error}"));
            }
            End::Silent => {
                // What the cluster is watched by may be as dead.
                let _ = self.outbox.send(Input::Doubt);
                self.failed(format!(
                    "a connection to pod/{pod} was closed: nothing came back, and no answer to whether somebody is there"
                ));
            }
        }
        self.doubt.notify_one();
    }
}

/// Counts a connection as open for as long as it lives.
struct Open(Arc<State>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Listens at all of these; where one address does not exist here, at the others.
async fn bind(addresses: &[IpAddr], port: u16) -> io::Result<Vec<TcpListener>> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut number = port;
    for address in addresses {
        match TcpListener::bind(SocketAddr::new(*address, number)).await {
            Ok(listener) => {
                number = listener.local_addr()?.port();
                listeners.push(listener);
            }
            Err(error)
                if error.kind() == io::ErrorKind::AddrNotAvailable && addresses.len() > 1 => {}
            Err(error) => return Err(error),
        }
    }
    if listeners.is_empty() {
        return Err(io::Error::from(io::ErrorKind::AddrNotAvailable));
    }
    Ok(listeners)
}

/// The next connection of any.
async fn accept(listeners: &[TcpListener]) -> io::Result<TcpStream> {
    let accepts = listeners.iter().map(|listener| Box::pin(listener.accept()));
    let (accepted, ..) = futures::future::select_all(accepts).await;
    accepted.map(|(stream, _)| stream)
}
