//! Ways into the cluster that it provides itself: ports of its nodes, balancers, and what an Ingress answers to. Without
//! I/O.
//!
//! | object | its address |
//! |---|---|
//! | a Service with a balancer | the balancer's, by its port |
//! | a Service with ports of nodes | a node on which one of its pods runs, by the node's port |
//! | an Ingress with a host | that host: by TLS if it has a certificate for it |
//! | an Ingress without | the address that it was given |

use std::collections::BTreeSet;
use std::sync::Arc;

use gantry_driver::Address;
use serde_json::Value;
use smol_str::format_smolstr;

use crate::object::{list, text};
use crate::record::Record;
use crate::view::View;

/// Those of an instance, with its pods.
pub(crate) fn of(record: &Record, view: &View, pods: &[Arc<Value>]) -> Vec<Address> {
    let mut found = Vec::new();
    for one in &record.objects {
        let kind = (one.key.group.as_str(), one.key.kind.as_str());
        let is_way = matches!(kind, ("", "Service") | ("networking.k8s.io", "Ingress"));
        let Some(object) = view.get(&one.key).filter(|_| is_way) else {
            continue;
        };
        if kind.1 == "Service" {
            service(object, pods, &mut found);
        } else {
            ingress(object, &mut found);
        }
    }
    found
}

/// What a balancer was given.
fn balanced(object: &Value) -> Vec<&str> {
    list(&object["status"]["loadBalancer"], "ingress")
        .filter_map(|one| text(one, &["hostname"]).or(text(one, &["ip"])))
        .collect()
}

fn service(object: &Value, pods: &[Arc<Value>], found: &mut Vec<Address>) {
    let name = text(object, &["metadata", "name"]).unwrap_or_default();
    let spec = &object["spec"];
    let balanced = balanced(object);
    let nodes: BTreeSet<&str> = pods
        .iter()
        .filter_map(|pod| text(pod, &["status", "hostIP"]))
        .collect();
    for port in list(spec, "ports") {
        let number = port["port"].as_u64().unwrap_or(0);
        let mut named = format_smolstr!("service/{name}");
        if let Some(port) = text(port, &["name"]) {
            named = format_smolstr!("{named}:{port}");
        }
        let scheme = scheme(port, number);
        let mut add = |host: &str, number: u64| {
            found.push(Address {
                name: named.clone(),
                url: format!("{scheme}://{}:{number}", bracketed(host)),
            });
        };
        if balanced.is_empty() {
            if let (Some(number), Some(node)) = (port["nodePort"].as_u64(), nodes.first()) {
                add(node, number);
            }
        } else {
            for host in &balanced {
                add(host, number);
            }
        }
    }
}

/// By what a port's protocol or name says, else by its number.
fn scheme(port: &Value, number: u64) -> &'static str {
    let said = text(port, &["appProtocol"]).or(text(port, &["name"]));
    match said.unwrap_or_default() {
        said if said.starts_with("https") => "https",
        said if said.starts_with("http") || said.starts_with("web") => "http",
        _ if port["protocol"] == "UDP" => "udp",
        _ => match number {
            443 | 8443 => "https",
            80 | 8080 => "http",
            _ => "tcp",
        },
    }
}

fn ingress(object: &Value, found: &mut Vec<Address>) {
    let balanced = balanced(object);
    let name = text(object, &["metadata", "name"]).unwrap_or_default();
    let name = format_smolstr!("ingress/{name}");
    let spec = &object["spec"];
    let secured: Vec<&str> = list(spec, "tls")
        .flat_map(|tls| list(tls, "hosts"))
        .filter_map(Value::as_str)
        .collect();
    for rule in list(spec, "rules") {
        let paths = list(&rule["http"], "paths").filter_map(|path| text(path, &["path"]));
        let path = paths.min_by_key(|path| path.len()).unwrap_or("/");
        let mut add = |scheme: &str, host: &str| {
            let url = format!("{scheme}://{}{path}", bracketed(host));
            if !found.iter().any(|one| one.url == url) {
                let name = name.clone();
                found.push(Address { name, url });
            }
        };
        match text(rule, &["host"]) {
            // Nobody has taken it on yet.
            _ if balanced.is_empty() => {}
            Some(host) if secured.contains(&host) => add("https", host),
            Some(host) => add("http", host),
            None => {
                for host in &balanced {
                    add("http", host);
                }
            }
        }
    }
}

/// An address of the newer kind as a URL has it.
fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

#[cfg(test)]
mod tests;
