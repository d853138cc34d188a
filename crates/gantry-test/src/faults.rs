//! A port that leads to another one, and does to what goes through whatever networks do.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

/// How soon a copy sees that its connection is over.
const STEP: Duration = Duration::from_millis(20);

/// What happens to connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Those that are open are reset, and so is each new one.
    Reset,
    /// Nothing that is sent arrives, on any connection; nothing is closed.
    Swallow,
    /// The same, on connections that were open when it began.
    SwallowOpen,
    /// What comes from there arrives; what is sent to there does not, on any connection.
    SwallowThere,
    /// There, all is closed; here, nobody is told.
    HalfOpen,
    /// Here, the end of what comes from there is told; what is sent to there arrives.
    EndBack,
    /// Every end is passed on three seconds late.
    SlowClose,
    /// New connections are taken, and nobody answers.
    Mute,
}

/// A port in front of another one, with faults.
#[derive(Debug)]
pub struct FaultyPort {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepts: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    fault: Fault,
    /// Counts the faults: what was open under an earlier one is old.
    era: u64,
    over: bool,
    open: Vec<Pair>,
}

/// Both ends of a connection.
#[derive(Debug)]
struct Pair {
    near: TcpStream,
    far: Option<TcpStream>,
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    There,
    Back,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits as long as this, or until everything is over.
    fn pause(&self, time: Duration) {
        let state = self.lock();
        let waited = self
            .changed
            .wait_timeout_while(state, time, |state| !state.over);
        drop(waited);
    }
}

impl FaultyPort {
    /// A port of this machine that leads to that address.
    pub fn new(to: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let shared: Arc<Shared> = Arc::default();
        let inner = Arc::clone(&shared);
        let accepts = std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if inner.lock().over {
                    return;
                }
                // Who cannot be reached there is refused here.
                let _ = begin(near, to, &inner);
            }
        });
        Self {
            address,
            shared,
            accepts: Some(accepts),
        }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on this happens.
    pub fn set(&self, fault: Fault) {
        let mut state = self.shared.lock();
        state.fault = fault;
        state.era += 1;
        for pair in &state.open {
            match fault {
                Fault::Reset => {
                    reset(&pair.near);
                    pair.far.iter().for_each(reset);
                }
                Fault::HalfOpen => close(pair.far.as_ref(), Shutdown::Both),
                Fault::EndBack => close(Some(&pair.near), Shutdown::Write),
                _ => {}
            }
        }
        if fault == Fault::Reset {
            state.open.clear();
        }
    }
}

impl Drop for FaultyPort {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.over = true;
        for pair in state.open.drain(..) {
            close(Some(&pair.near), Shutdown::Both);
            close(pair.far.as_ref(), Shutdown::Both);
        }
        drop(state);
        self.shared.changed.notify_all();
        // Who accepts sees that it is over once somebody comes.
        let woken = TcpStream::connect(self.address);
        if let Some(accepts) = self.accepts.take() {
            let _ = accepts.join();
        }
        drop(woken);
    }
}

fn close(stream: Option<&TcpStream>, how: Shutdown) {
    if let Some(stream) = stream {
        let _ = stream.shutdown(how);
    }
}

/// The next close of it, which is the last one, is a reset.
fn reset(stream: &TcpStream) {
    let _ = set_socket_linger(stream, Some(Duration::ZERO));
}

fn begin(near: TcpStream, to: SocketAddr, shared: &Arc<Shared>) -> io::Result<()> {
    let mut state = shared.lock();
    match state.fault {
        Fault::Reset => {
            reset(&near);
            return Ok(());
        }
        Fault::Mute => {
            state.open.push(Pair { near, far: None });
            return Ok(());
        }
        _ => {}
    }
    let era = state.era;
    drop(state);
    let far = TcpStream::connect(to)?;
    for stream in [&near, &far] {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(STEP))?;
    }
    let copies = [
        (near.try_clone()?, far.try_clone()?, Way::There),
        (far.try_clone()?, near.try_clone()?, Way::Back),
    ];
    for (from, to, way) in copies {
        let shared = Arc::clone(shared);
        std::thread::spawn(move || copy(from, to, way, era, &shared));
    }
    let far = Some(far);
    shared.lock().open.push(Pair { near, far });
    Ok(())
}

fn copy(mut from: TcpStream, mut to: TcpStream, way: Way, begun: u64, shared: &Shared) {
    let mut buffer = vec![0; 64 * 1024];
    // A connection of which bytes are missing is of no use any more.
    let mut lost = false;
    loop {
        let read = from.read(&mut buffer);
        let (fault, era, over) = {
            let state = shared.lock();
            (state.fault, state.era, state.over)
        };
        if over || (fault == Fault::Reset && era != begun) {
            return;
        }
        let is_quiet = |error: &io::Error| {
            matches!(
                error.kind(),
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
            )
        };
        let is_here = |fault: Fault| match fault {
            Fault::Swallow => true,
            Fault::SwallowOpen | Fault::HalfOpen => era != begun,
            Fault::SwallowThere => way == Way::There,
            _ => false,
        };
        match read {
            Err(error) if is_quiet(&error) => {}
            Ok(length @ 1..) => {
                lost |= is_here(fault);
                if !lost && to.write_all(&buffer[..length]).is_err() {
                    lost = true;
                }
            }
            Ok(_) | Err(_) => {
                if lost || is_here(fault) {
                    return;
                }
                if fault == Fault::SlowClose {
                    shared.pause(Duration::from_secs(3));
                }
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody who sends back what comes.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                std::thread::spawn(move || {
                    let _ = io::copy(&mut &stream, &mut &stream);
                    let _ = stream.shutdown(Shutdown::Both);
                });
            }
        });
        address
    }

    fn client(port: &FaultyPort) -> TcpStream {
        let client = TcpStream::connect(port.address()).expect("a connection");
        let limit = Some(Duration::from_millis(500));
        client.set_read_timeout(limit).expect("a limit");
        client
    }

    /// What becomes of a byte that is sent through it and back.
    fn answer(mut client: &TcpStream) -> Result<usize, io::ErrorKind> {
        let sent = client.write_all(b"x");
        sent.and_then(|()| client.read(&mut [0]))
            .map_err(|error| error.kind())
    }

    const SILENT: Result<usize, io::ErrorKind> = Err(io::ErrorKind::WouldBlock);

    #[test]
    fn faults_are_what_they_are_called() {
        let port = FaultyPort::new(echo());
        let begun = || {
            port.set(Fault::None);
            let client = client(&port);
            assert_eq!(answer(&client), Ok(1));
            client
        };
        for (fault, open, fresh) in [
            (Fault::Swallow, SILENT, SILENT),
            (Fault::SwallowOpen, SILENT, Ok(1)),
            (Fault::SwallowThere, SILENT, SILENT),
            (Fault::HalfOpen, SILENT, Ok(1)),
            (Fault::EndBack, Ok(0), Ok(1)),
            (Fault::SlowClose, Ok(1), Ok(1)),
            (Fault::Mute, Ok(1), SILENT),
        ] {
            let one = begun();
            port.set(fault);
            assert_eq!(answer(&one), open, "{fault:?}, open before");
            assert_eq!(answer(&client(&port)), fresh, "{fault:?}, new");
        }
        let one = begun();
        port.set(Fault::Reset);
        std::thread::sleep(4 * STEP);
        assert_eq!(answer(&one), Err(io::ErrorKind::ConnectionReset));
        drop(begun());
    }
}
