//! The gateway: an HTTP proxy that takes the API's copies in turn.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::http::{Request, Response};
use crate::{Outcome, http, settings};

/// Serve until killed.
pub(crate) fn run() -> Outcome {
    let port: u16 = settings::parsed("PORT")?;
    let upstreams: Vec<String> = settings::required("UPSTREAMS")?
        .split([',', ' '])
        .filter(|address| !address.is_empty())
        .map(str::to_owned)
        .collect();
    if upstreams.is_empty() {
        return Err("UPSTREAMS: names nobody".into());
    }
    println!("passing requests on to {}", upstreams.join(" and "));
    let turn = AtomicUsize::new(0);
    http::serve(port, move |request| {
        pass_on(&upstreams, turn.fetch_add(1, Ordering::Relaxed), request)
    })?;
    Ok(())
}

/// Ask the copy whose turn it is, or the next one that answers.
fn pass_on(upstreams: &[String], turn: usize, request: &Request) -> Response {
    let mut tried = Vec::new();
    for step in 0..upstreams.len() {
        let address = &upstreams[(turn + step) % upstreams.len()];
        match http::send(address, request) {
            Ok(response) => return response,
            Err(error) => tried.push(format!("{address}: {error}")),
        }
    }
    Response::text(
        502,
        format!("no copy of the API answers ({})", tried.join("; ")),
    )
}
