//! A port in front of an HTTP server, that answers some requests in its place.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// What is answered to a request, by its first line; nothing if the server behind is to be asked.
pub type Answers = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The port.
pub struct AnsweringPort {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepts: Option<JoinHandle<()>>,
}

struct Shared {
    to: SocketAddr,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    answers: Option<Answers>,
    /// How many requests were answered here.
    answered: usize,
    open: Vec<TcpStream>,
    over: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AnsweringPort {
    /// A port of this machine that leads to that address. Every request has a connection of its own there.
    pub fn new(to: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            to,
            state: Mutex::default(),
        });
        let inner = Arc::clone(&shared);
        let accepts = std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if inner.lock().over {
                    return;
                }
                let shared = Arc::clone(&inner);
                std::thread::spawn(move || serve(near, &shared));
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

    /// From now on these are answered here. What is open is closed.
    pub fn set(&self, answers: Option<Answers>) {
        let mut state = self.shared.lock();
        state.answers = answers;
        state.answered = 0;
        for stream in state.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// How many requests were answered here since it was said what is.
    pub fn answered(&self) -> usize {
        self.shared.lock().answered
    }
}

impl std::fmt::Debug for AnsweringPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AnsweringPort")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Drop for AnsweringPort {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.set(None);
        // Woken, it sees that it is over.
        let _ = TcpStream::connect(self.address);
        if let Some(accepts) = self.accepts.take() {
            let _ = accepts.join();
        }
    }
}

/// One request, and its answer. Who breaks off on either side ends it.
fn serve(near: TcpStream, shared: &Shared) {
    let _ = try_to_serve(near, shared);
}

fn try_to_serve(mut near: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut reader = BufReader::new(near.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    // Both ends close after one request, so that none goes by unseen.
    let mut head = format!("{first}Connection: close\r\n");
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if !line.to_ascii_lowercase().starts_with("connection:") {
            head.push_str(&line);
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let answer = {
        let mut state = shared.lock();
        let answer = state.answers.as_ref().and_then(|answer| answer(&first));
        state.answered += usize::from(answer.is_some());
        answer
    };
    if let Some(answer) = answer {
        near.write_all(answer.as_bytes())?;
        return near.shutdown(Shutdown::Both);
    }
    let mut far = TcpStream::connect(shared.to)?;
    shared
        .lock()
        .open
        .extend([near.try_clone()?, far.try_clone()?]);
    far.write_all(head.as_bytes())?;
    let mut there = far.try_clone()?;
    std::thread::spawn(move || copy(reader, &mut there));
    copy(&mut far, &mut near);
    let _ = near.shutdown(Shutdown::Both);
    far.shutdown(Shutdown::Both)
}

fn copy(mut from: impl io::Read, to: &mut TcpStream) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}
