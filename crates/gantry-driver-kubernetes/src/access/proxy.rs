//! By which proxy a cluster is reached: the one that kubectl takes.
//!
//! | what is set | what follows |
//! |---|---|
//! | `proxy-url` of the cluster, in the Kubernetes configuration | it is taken, always |
//! | `HTTPS_PROXY` (`HTTP_PROXY` for a server without TLS), or the same in small letters | it is taken |
//! | `NO_PROXY`, or the same in small letters, names the server, its domain or its network | the line above does not count |
//! | the server is `localhost` or a loopback address | the same |
//!
//! Source: `proxy-url` in the reference of kubeconfig; `FromEnvironment` of Go's `golang.org/x/net/http/httpproxy`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hyper::Uri;
use hyper_util::client::proxy::matcher::Matcher;

/// Which one, if one is taken.
///
/// # Errors
///
/// What is set is no address of a proxy. What it is may be secret, and is not in the error.
pub(super) fn of(
    named: Option<&str>,
    server: &Uri,
    environment: &BTreeMap<String, String>,
) -> Result<Option<Uri>, String> {
    let set = |name: &str| {
        let spellings = [name.to_owned(), name.to_lowercase()];
        let mut values = spellings.iter().filter_map(|name| environment.get(name));
        values.find(|value| !value.is_empty()).map(String::as_str)
    };
    if let Some(named) = named.filter(|named| !named.is_empty()) {
        return read(named, "`proxy-url`").map(Some);
    }
    let variable = match server.scheme_str() {
        Some("http") => "HTTP_PROXY",
        _ => "HTTPS_PROXY",
    };
    let Some(proxy) = set(variable).filter(|_| !is_here(server)) else {
        return Ok(None);
    };
    let proxy = read(proxy, variable)?;
    // Who is asked only whether somebody is left out needs no address that means anything.
    let all = Matcher::builder().all("http://proxy.invalid");
    let matcher = all.no(set("NO_PROXY").unwrap_or_default()).build();
    Ok(matcher.intercept(server).map(|_| proxy))
}

fn read(text: &str, from: &str) -> Result<Uri, String> {
    // Without a scheme it is a proxy as there were in the beginning.
    let whole = if text.contains("://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    };
    let read = whole.parse::<Uri>().ok();
    let read = read.filter(|uri| uri.host().is_some_and(|host| !host.is_empty()));
    let read = read.ok_or_else(|| format!("{from} is no address of a proxy"))?;
    match read.scheme_str() {
        Some("http" | "https" | "socks5") => Ok(read),
        scheme => Err(format!(
            "{from} begins with {}://; expected http, https or socks5",
            scheme.unwrap_or_default()
        )),
    }
}

fn is_here(server: &Uri) -> bool {
    let host = server.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let address = host.parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests;
