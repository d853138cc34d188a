//! One listener, and the connections through it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gantry_core::InstanceId;
use gantry_driver::{ChildName, ChildStatus};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::Noted;
use super::target::{Aim, Way};
use super::tunnel;
use crate::context::Context;
use crate::link::Input;

/// How often it is looked through while it is in use, and while nobody uses it.
const LOOK: Duration = Duration::from_secs(2);
const LOOK_IDLE: Duration = Duration::from_mins(1);

/// How soon after a failure, and how often a port that is taken is tried.
const AGAIN: Duration = Duration::from_millis(250);

/// How much is copied at once.
const BLOCK: usize = 64 * 1024;

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
    sent: AtomicU64,
    received: AtomicU64,
    error: Mutex<Option<String>>,
}

impl State {
    fn set_ready(&self, ready: bool) {
        self.ready.send_replace(ready);
        if ready && !self.been_ready.swap(true, Ordering::Relaxed) {
            // What went wrong on the way is over.
            *self.error.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    fn is_ready(&self) -> bool {
        *self.ready.borrow()
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

    /// As a part of its service.
    pub(super) fn child(&self, name: &str, wrong: Option<&str>) -> ChildStatus {
        let state = &self.state;
        let port = match state.port.load(Ordering::Relaxed) {
            0 => self.wanted_port,
            port => port,
        };
        let ready = state.is_ready();
        let aim = self.aim.borrow().clone();
        let mut told: Vec<String> = Vec::new();
        match &aim {
            Some(aim) => told.push(format!("to pod/{}:{}", aim.pod, aim.port)),
            None => told.push(match wrong.or(self.wrong.as_deref()) {
                Some(wrong) => wrong.to_owned(),
                None => format!("to {name}: nothing is there"),
            }),
        }
        let load = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let (total, open) = (load(&state.total), load(&state.open));
        if total > 0 {
            let (sent, received) = (size(load(&state.sent)), size(load(&state.received)));
            told.push(format!(
                "{total} connections, {open} open, {sent} in, {received} out"
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
            name: ChildName::new(format!("forward/{port}")),
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

/// What all tasks of a lane share.
#[derive(Clone)]
struct Work {
    instance: InstanceId,
    context: Arc<Context>,
    outbox: UnboundedSender<Input>,
    state: Arc<State>,
    aims: watch::Receiver<Option<Aim>>,
    patience: Duration,
}

impl Work {
    async fn run(mut self, addresses: Vec<IpAddr>, port: u16) {
        let listeners = self.listen(&addresses, port).await;
        let mut connections = JoinSet::new();
        let mut look = Instant::now();
        loop {
            tokio::select! {
                accepted = accept(&listeners) => match accepted {
                    Ok(stream) => {
                        connections.spawn(self.clone().connection(stream));
                    }
                    Err(error) => {
                        // There are too many open files; the others go on.
                        self.failed(format!("no connection can be taken: {error}"));
                        tokio::time::sleep(AGAIN).await;
                    }
                },
                changed = self.aims.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    look = Instant::now();
                }
                () = tokio::time::sleep_until(look) => {
                    look = Instant::now() + self.look().await;
                }
                Some(_) = connections.join_next() => self.tell(),
            }
        }
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
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    /// Looks through it; gives the time until the next look.
    async fn look(&self) -> Duration {
        let aim = self.aims.borrow().clone();
        let Some(aim) = aim else {
            return LOOK_IDLE;
        };
        let looked = async {
            let mut tunnel = tunnel::open(&self.context.cluster, &aim).await?;
            tunnel.is_taken().await
        };
        let was_ready = self.state.is_ready();
        match looked.await {
            Ok(()) => {
                if self.aims.borrow().as_ref() == Some(&aim) {
                    self.state.set_ready(true);
                }
                if !was_ready {
                    self.tell();
                }
                let in_use = self.state.open.load(Ordering::Relaxed) > 0;
                if in_use { LOOK } else { LOOK_IDLE }
            }
            Err(error) => {
                self.state.set_ready(false);
                self.failed(error);
                AGAIN
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
        let opened = timeout(patience, async {
            loop {
                let aim = self.aims.wait_for(Option::is_some).await;
                let aim = aim.ok().and_then(|aim| aim.clone());
                let aim = aim?;
                match self.try_open(&aim).await {
                    Ok(tunnel) => return Some((aim, tunnel)),
                    Err(error) => last = error,
                }
                tokio::time::sleep(AGAIN).await;
            }
        });
        match opened.await {
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

    /// Where it is known that the pod takes connections, nothing is waited for.
    async fn try_open(&self, aim: &Aim) -> Result<tunnel::Tunnel, String> {
        let mut tunnel = tunnel::open(&self.context.cluster, aim).await?;
        if !self.state.is_ready() {
            tunnel.is_taken().await?;
        }
        Ok(tunnel)
    }

    async fn carry(&mut self, stream: TcpStream, aim: &Aim, mut tunnel: tunnel::Tunnel) {
        let Some(far) = tunnel.stream.take() else {
            return;
        };
        let state = Arc::clone(&self.state);
        let (near_read, near_write) = stream.into_split();
        let (far_read, far_write) = tokio::io::split(far);
        let there = copy(near_read, far_write, &state.sent);
        let back = copy(far_read, near_write, &state.received);
        let both = async { tokio::join!(there, back) };
        let elsewhere = self.aims.wait_for(|now| now.as_ref() != Some(aim));
        tokio::select! {
            _ = both => {}
            Some(told) = &mut tunnel.error => {
                state.wrong(tunnel::plain(&told));
                state.set_ready(false);
                let _ = self.outbox.send(Input::Later(self.instance.clone()));
            }
            // Its pod is gone, or another one serves.
            _ = elsewhere => {}
            () = broken(&state) => {}
        }
    }
}

/// Ends when a look through the tunnel has failed.
async fn broken(state: &State) {
    let mut ready = state.ready.subscribe();
    // It lives as long as the state does.
    let _ = ready.wait_for(|ready| !ready).await;
}

/// Counts a connection as open for as long as it lives.
struct Open(Arc<State>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Copies until the end, which is passed on; counts.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    count: &AtomicU64,
) -> io::Result<()> {
    let mut block = vec![0; BLOCK];
    loop {
        let length = from.read(&mut block).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(&block[..length]).await?;
        to.flush().await?;
        count.fetch_add(u64::try_from(length).unwrap_or(0), Ordering::Relaxed);
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
