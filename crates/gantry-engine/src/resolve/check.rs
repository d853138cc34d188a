//! From a probe's check in the model, with its references resolved, to one that can be asked.

use std::path::PathBuf;

use camino::Utf8Path;
use gantry_driver::{Ports, Reach};
use gantry_probe::command::CommandCheck;
use gantry_probe::file::FileCheck;
use gantry_probe::grpc::GrpcCheck;
use gantry_probe::http::{BodyMatch, HttpCheck, StatusSet, Tls, Trust};
use gantry_probe::log::LogCheck;
use gantry_probe::tcp::TcpCheck;
use gantry_probe::{Address, Check};
use gantry_stack::model::{self, ProbeCheck};
use gantry_stack::template::{EnvValue, Template};
use serde_json::Value;
use smol_str::SmolStr;

/// The ports of the instance that is asked.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    /// Where it listens itself.
    pub(super) ports: &'a Ports,
    /// Where that is, as seen from here.
    pub(super) reach: Option<&'a Reach>,
}

/// The check, or what is wrong with it.
pub(super) fn prepared(check: Value, asked: Asked<'_>, folder: &Utf8Path) -> Result<Check, String> {
    let check: ProbeCheck = serde_json::from_value(check).map_err(|error| error.to_string())?;
    Ok(match check {
        ProbeCheck::Http(check) => Check::Http(Box::new(http(&check, asked, folder)?)),
        ProbeCheck::Tcp(check) => Check::Tcp(TcpCheck {
            address: address(text(&check.address)?, asked)?,
        }),
        ProbeCheck::Command(check) => {
            let argv = check.command.iter().map(|word| Ok(text(word)?.to_owned()));
            Check::Command(CommandCheck {
                argv: argv.collect::<Result<_, String>>()?,
            })
        }
        ProbeCheck::File(check) => Check::File(FileCheck {
            path: PathBuf::from(folder.join(text(&check.path)?)),
            max_age: check.max_age.map(gantry_core::Millis::to_duration),
            contains: check.contains,
        }),
        ProbeCheck::Notify(_) => Check::Notify,
        ProbeCheck::Fd(check) => Check::Fd(check.fd),
        ProbeCheck::Log(check) => {
            let made = LogCheck::new(&check.pattern);
            Check::Log(made.map_err(|error| error.to_string())?)
        }
        ProbeCheck::Grpc(check) => Check::Grpc(GrpcCheck {
            address: address(text(&check.port)?, asked)?,
            service: check.service.to_string(),
        }),
    })
}

fn http(
    check: &model::HttpCheck,
    asked: Asked<'_>,
    folder: &Utf8Path,
) -> Result<HttpCheck, String> {
    let mut made = match (&check.url, &check.port) {
        (Some(url), _) => HttpCheck::from_url(text(url)?).map_err(|error| error.to_string())?,
        (None, Some(port)) => {
            let path = check.path.as_ref().map_or(Ok("/"), text)?;
            HttpCheck::new(address(text(port)?, asked)?, path)
        }
        (None, None) => return Err("neither a URL nor a port is given".into()),
    };
    if !check.status.is_empty() {
        made.status = StatusSet::of(check.status.iter().map(|status| *status..=*status));
    }
    for (name, value) in &check.headers {
        let EnvValue::Text(value) = value else {
            return Err(format!("the header {name} was not resolved"));
        };
        made.headers.push((name.clone(), text(value)?.to_owned()));
    }
    made.body = check.body.clone().map(BodyMatch::Contains);
    if let Some(tls) = &check.tls {
        let trust = match (&tls.ca_file, tls.verify) {
            (_, false) => Trust::Anyone,
            (Some(file), true) => Trust::File(PathBuf::from(folder.join(file))),
            (None, true) => Trust::Native,
        };
        made.tls = Some(Tls {
            trust,
            server_name: tls.server_name.clone(),
        });
    }
    Ok(made)
}

/// A port's name or number, or a whole address. A number that is a port of the service means that port,
/// wherever it is; any other is one of this machine.
fn address(text: &str, asked: Asked<'_>) -> Result<Address, String> {
    let number = text.parse::<u16>().ok();
    let mut own = asked.ports.iter();
    let own = own.find(|(name, port)| *name == text || Some(**port) == number);
    if let Some((name, _)) = own {
        let found = asked
            .reach
            .and_then(|reach| Some((&reach.host, *reach.ports.get(name)?)));
        let (host, port) = found.ok_or_else(|| {
            format!("its port `{name}` cannot be reached from this machine, where probes are asked")
        })?;
        return Ok(Address::new(host.as_str(), port));
    }
    if let Some(port) = number {
        return Ok(Address::local(port));
    }
    text.parse::<Address>().map_err(|error| {
        let names: Vec<_> = asked.ports.keys().map(SmolStr::as_str).collect();
        if text.contains(':') || names.is_empty() {
            error.to_string()
        } else {
            format!("{text:?} is none of its ports ({})", names.join(", "))
        }
    })
}

fn text(template: &Template) -> Result<&str, String> {
    let literal = template.as_literal();
    literal.ok_or_else(|| format!("{template} was not resolved"))
}
