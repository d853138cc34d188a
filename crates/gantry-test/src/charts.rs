//! A repository of charts that asks for a password.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Serves a folder as long as this program runs.
#[derive(Debug)]
pub struct ChartRepository {
    port: u16,
    folder: PathBuf,
    asked: Arc<AtomicUsize>,
    broken: Arc<AtomicBool>,
}

impl ChartRepository {
    /// Serves this folder to whoever logs in so: `USER:PASSWORD` in base64.
    pub fn serve(folder: impl Into<PathBuf>, login: &str) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let repository = Self {
            port: listener.local_addr()?.port(),
            folder: folder.into(),
            asked: Arc::default(),
            broken: Arc::default(),
        };
        std::fs::create_dir_all(&repository.folder)?;
        let (folder, wanted) = (repository.folder.clone(), format!("Basic {login}"));
        let asked = Arc::clone(&repository.asked);
        let broken = Arc::clone(&repository.broken);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                asked.fetch_add(1, Ordering::Relaxed);
                if !broken.load(Ordering::Relaxed) {
                    // Who hangs up has not heard the answer.
                    let _ = answer(stream, &folder, &wanted);
                }
            }
        });
        Ok(repository)
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The folder that it serves.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    /// A switch: while it is on, connections are closed instead of answered.
    pub fn broken(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.broken)
    }
}

fn answer(mut stream: TcpStream, folder: &Path, wanted: &str) -> io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    let path = first.split(' ').nth(1).unwrap_or("/");
    let path = path.trim_start_matches('/').to_owned();
    let mut allowed = false;
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        let header = line.split_once(": ");
        allowed |= header.is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("authorization") && value == wanted
        });
    }
    let (status, body) = match (allowed, std::fs::read(folder.join(path))) {
        (false, _) => ("401 Unauthorized", Vec::new()),
        (true, Ok(body)) => ("200 OK", body),
        (true, Err(_)) => ("404 Not Found", Vec::new()),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )?;
    stream.write_all(&body)
}
