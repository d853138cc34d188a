//! The API: items and jobs over HTTP, kept in the store. It runs as several copies.

use std::time::Duration;

use crate::client::Client;
use crate::http::{Request, Response};
use crate::{Outcome, http, settings};

/// Serve until killed, or until somebody asks for `/crash`.
pub(crate) fn run() -> Outcome {
    let port: u16 = settings::parsed("PORT")?;
    let name = settings::instance("api");
    http::serve(port, move |request| {
        handle(&name, request).unwrap_or_else(|error| Response::text(503, error))
    })?;
    Ok(())
}

fn handle(name: &str, request: &Request) -> Result<Response, String> {
    let lost = |error: std::io::Error| format!("the store went away: {error}");
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/healthz") => {
            Client::connect()?.ask("PING").map_err(lost)?;
            Ok(Response::text(200, "ok"))
        }
        ("GET", "/") => {
            let visits = Client::connect()?.ask("ADD visits").map_err(lost)?;
            Ok(Response::text(
                200,
                format!("hello from {name}, visit {visits}"),
            ))
        }
        ("GET", "/items") => {
            let mut store = Client::connect()?;
            let keys = store.ask("KEYS item/").map_err(lost)?;
            let mut lines = Vec::new();
            for key in keys.split_whitespace() {
                let text = store.ask(&format!("GET {key}")).map_err(lost)?;
                lines.push(format!("{}: {text}", key.trim_start_matches("item/")));
            }
            Ok(Response::text(200, lines.join("\n")))
        }
        ("POST", "/jobs") => {
            let text = String::from_utf8_lossy(&request.body).replace(['\n', '\r'], " ");
            Client::connect()?
                .ask(&format!("PUSH jobs {text}"))
                .map_err(lost)?;
            Ok(Response::text(202, "queued"))
        }
        ("GET", "/jobs") => {
            let answer = Client::connect()?.ask("GET last-job").map_err(lost)?;
            Ok(Response::text(200, answer))
        }
        (_, "/crash") => {
            eprintln!("somebody asked for /crash");
            // The answer goes out first, so that the one who asked sees who crashed.
            std::thread::spawn(crash);
            Ok(Response::text(200, format!("{name} crashes now")))
        }
        _ => Ok(Response::text(404, "nothing here")),
    }
}

#[expect(clippy::exit, reason = "crashing is what was asked for")]
fn crash() {
    std::thread::sleep(Duration::from_millis(20));
    std::process::exit(1);
}
