//! A socket that leads to another one, and can be cut off.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Leads to an engine, as long as it is not cut: what an engine's stop looks like from outside.
#[derive(Debug)]
pub struct Relay {
    at: PathBuf,
    to: PathBuf,
    open: Arc<Mutex<Vec<UnixStream>>>,
    accepts: Mutex<Option<Accepts>>,
}

/// The thread that accepts, and what tells it to end: told before it is woken, so that it cannot miss it.
#[derive(Debug)]
struct Accepts {
    thread: JoinHandle<()>,
    cut: Arc<AtomicBool>,
}

impl Relay {
    /// A socket at `at` that leads to the one at `to`.
    pub fn new(at: impl Into<PathBuf>, to: impl Into<PathBuf>) -> Self {
        let relay = Self {
            at: at.into(),
            to: to.into(),
            open: Arc::default(),
            accepts: Mutex::default(),
        };
        relay.mend();
        relay
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.at
    }

    /// Nothing leads anywhere any more.
    pub fn cut(&self) {
        let accepts = lock(&self.accepts).take();
        let Some(accepts) = accepts else { return };
        accepts.cut.store(true, Ordering::SeqCst);
        let woken = UnixStream::connect(&self.at);
        let _ = std::fs::remove_file(&self.at);
        drop(woken);
        let _ = accepts.thread.join();
        for stream in lock(&self.open).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// It leads there again.
    pub fn mend(&self) {
        let listener = UnixListener::bind(&self.at).expect("a socket");
        let (to, open) = (self.to.clone(), Arc::clone(&self.open));
        let cut = Arc::new(AtomicBool::new(false));
        let is_cut = Arc::clone(&cut);
        let thread = std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if is_cut.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(far) = UnixStream::connect(&to) {
                    join(near, far, &open);
                }
            }
        });
        *lock(&self.accepts) = Some(Accepts { thread, cut });
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.cut();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Copies both ways until either end is closed.
fn join(near: UnixStream, far: UnixStream, open: &Mutex<Vec<UnixStream>>) {
    let pair = |one: &UnixStream, other: &UnixStream| {
        Some((one.try_clone().ok()?, other.try_clone().ok()?))
    };
    let (Some(up), Some(down)) = (pair(&near, &far), pair(&far, &near)) else {
        return;
    };
    for (from, to) in [up, down] {
        std::thread::spawn(move || copy(from, to));
    }
    lock(open).extend([near, far]);
}

fn copy(mut from: UnixStream, mut to: UnixStream) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
