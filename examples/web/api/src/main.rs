//! The API of the example `web`: products from PostgreSQL, a counter from Redis.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a service's log is its output"
)]

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

mod postgres;
mod redis;

/// How long a neighbour may take to answer.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Where the neighbours are.
struct Neighbours {
    database: String,
    cache: String,
}

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("web-api: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<(), String> {
    let variable = |name: &str| std::env::var(name).map_err(|error| format!("{name}: {error}"));
    let neighbours = Arc::new(Neighbours {
        database: variable("DATABASE")?,
        cache: variable("CACHE")?,
    });
    let port: u16 = variable("PORT")?
        .parse()
        .map_err(|error| format!("PORT: {error}"))?;
    let listener = TcpListener::bind(("127.0.0.1", port)).map_err(|error| error.to_string())?;
    println!("listening on 127.0.0.1:{port}");
    for stream in listener.incoming().flatten() {
        let neighbours = Arc::clone(&neighbours);
        std::thread::spawn(move || {
            // A client that goes away before its answer is its own business.
            let _gone = answer(&stream, &neighbours);
        });
    }
    Ok(())
}

fn answer(stream: &TcpStream, neighbours: &Neighbours) -> io::Result<()> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
    }
    let path = first.split(' ').nth(1).unwrap_or("/");
    let (status, body) = match path {
        "/healthz" => tell(neighbours.health()),
        "/" => tell(neighbours.page()),
        _ => ("404 Not Found", "nothing here\n".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    let mut stream = stream;
    stream.write_all(format!("{head}{body}").as_bytes())
}

fn tell(outcome: io::Result<String>) -> (&'static str, String) {
    match outcome {
        Ok(body) => ("200 OK", body),
        Err(error) => ("503 Service Unavailable", format!("{error}\n")),
    }
}

impl Neighbours {
    fn health(&self) -> io::Result<String> {
        redis::ask(&self.cache, &["PING"])?;
        postgres::query(&self.database, "SELECT 1")?;
        Ok("ok\n".to_owned())
    }

    fn page(&self) -> io::Result<String> {
        let visits = redis::ask(&self.cache, &["INCR", "visits"])?;
        let rows = postgres::query(
            &self.database,
            "SELECT name, price FROM products ORDER BY name",
        )?;
        let lines = rows.iter().map(|row| format!("{}\n", row.join(" costs ")));
        Ok(format!("visit {visits}\n{}", lines.collect::<String>()))
    }
}
