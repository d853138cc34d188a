//! A key-value store over TCP: one command a line, one answer a line.
//!
//! | command | answer |
//! |---|---|
//! | `PING` | `PONG` |
//! | `GET key` | the value, or `-` |
//! | `SET key value` | `OK` |
//! | `ADD key` | the number that the key holds after adding one |
//! | `KEYS prefix` | the keys, with spaces between |
//! | `PUSH queue value` | `OK` |
//! | `POP queue` | the oldest value, or `-` |
//!
//! Every change is a line at the end of the data file, and reading that file again is the whole
//! recovery: a store that is killed comes back with what it had.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::{Outcome, settings};

#[derive(Default)]
struct Data {
    values: BTreeMap<String, String>,
    queues: BTreeMap<String, VecDeque<String>>,
}

struct Store {
    data: Data,
    journal: File,
}

/// Serve until killed.
pub(crate) fn run() -> Outcome {
    let port: u16 = settings::parsed("PORT")?;
    let path = settings::required("DATA")?;
    let store = Store::open(Path::new(&path)).map_err(|error| format!("{path}: {error}"))?;
    println!("{} values in {path}", store.data.values.len());
    let store = Arc::new(Mutex::new(store));
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        let (stream, store) = (stream?, Arc::clone(&store));
        std::thread::spawn(move || {
            if let Err(error) = serve(&stream, &store) {
                println!("a client went away: {error}");
            }
        });
    }
    Ok(())
}

fn serve(stream: &TcpStream, store: &Mutex<Store>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut out = stream;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let answer = store.lock().expect("no client panics").command(&line)?;
        out.write_all(format!("{answer}\n").as_bytes())?;
    }
    Ok(())
}

impl Store {
    fn open(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut data = Data::default();
        if path.exists() {
            for line in BufReader::new(File::open(path)?).lines() {
                data.apply(&line?);
            }
        }
        let journal = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { data, journal })
    }

    fn command(&mut self, line: &str) -> io::Result<String> {
        let answer = self.data.apply(line);
        if answer.changed {
            self.journal.write_all(format!("{line}\n").as_bytes())?;
        }
        Ok(answer.text)
    }
}

struct Answer {
    text: String,
    changed: bool,
}

impl Data {
    fn apply(&mut self, line: &str) -> Answer {
        let mut words = line.splitn(3, ' ');
        let verb = words.next().unwrap_or_default();
        let (key, value) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        let (key_owned, value_owned) = (key.to_owned(), value.to_owned());
        let read = |text: String| Answer {
            text,
            changed: false,
        };
        let changed = |text: String| Answer {
            text,
            changed: true,
        };
        match verb {
            "PING" => read("PONG".to_owned()),
            "GET" => read(
                self.values
                    .get(key)
                    .cloned()
                    .unwrap_or_else(|| "-".to_owned()),
            ),
            "KEYS" => {
                let keys = self.values.keys().filter(|name| name.starts_with(key));
                read(keys.cloned().collect::<Vec<_>>().join(" "))
            }
            "SET" => {
                self.values.insert(key_owned, value_owned);
                changed("OK".to_owned())
            }
            "ADD" => {
                let held = self.values.entry(key_owned).or_default();
                *held = (held.parse::<u64>().unwrap_or(0) + 1).to_string();
                changed(held.clone())
            }
            "PUSH" => {
                self.queues
                    .entry(key_owned)
                    .or_default()
                    .push_back(value_owned);
                changed("OK".to_owned())
            }
            "POP" => match self.queues.get_mut(key).and_then(VecDeque::pop_front) {
                Some(value) => changed(value),
                None => read("-".to_owned()),
            },
            _ => read(format!("unknown command {verb:?}")),
        }
    }
}
