//! Arguments with a grammar of their own, and the names that a shell may offer.

use std::str::FromStr;
use std::time::Duration;

use clap_complete::CompletionCandidate;
use gantry_stack::short_name::{Meaning, meaning};
use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};

/// A length of time: `400ms`, `90s`, `2m`, `1m30s`; a bare number is seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit(pub(crate) Duration);

impl Limit {
    /// As the wire has it.
    pub(crate) fn milliseconds(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("{text:?} is no length of time; write it as 400ms, 90s or 2m");
        if let Ok(seconds) = text.parse::<u32>() {
            return Ok(Self(Duration::from_secs(seconds.into())));
        }
        let length: SignedDuration = text.parse().map_err(|_| wrong())?;
        Duration::try_from(length).map(Self).map_err(|_| wrong())
    }
}

/// A port here, and the one that it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PortPair {
    /// 0 is a free one.
    pub(crate) local: u16,
    /// By number or name.
    pub(crate) remote: String,
}

/// `8080:80`, `8080:http`, `80`, `:80`.
pub(crate) fn ports(text: &str) -> Result<PortPair, String> {
    let wrong = || format!("{text:?} are no ports; write them as 8080:80, 80 or :http");
    let (local, remote) = match text.split_once(':') {
        Some(("", remote)) => (0, remote),
        Some((local, remote)) => (local.parse().map_err(|_| wrong())?, remote),
        None => (text.parse().map_err(|_| wrong())?, text),
    };
    if remote.is_empty() || remote.contains(':') || remote == "0" {
        return Err(wrong());
    }
    Ok(PortPair {
        local,
        remote: remote.to_owned(),
    })
}

/// A point in time: a length of time ago, RFC 3339, or a local date or time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let now = Timestamp::now();
        if let Ok(limit) = text.parse::<Limit>() {
            let ago = SignedDuration::try_from(limit.0).ok();
            let moment = ago.and_then(|ago| now.checked_sub(ago).ok());
            return moment
                .map(Self)
                .ok_or_else(|| format!("{text:?} is too long ago"));
        }
        if let Ok(moment) = text.parse::<Timestamp>() {
            return Ok(Self(moment));
        }
        let zone = TimeZone::system();
        let today = now.to_zoned(zone.clone()).date();
        let local = text.parse::<civil::DateTime>().or_else(|_| {
            text.parse::<civil::Time>()
                .map(|time| today.to_datetime(time))
        });
        let moment = local.ok().and_then(|local| local.to_zoned(zone).ok());
        moment.map(|zoned| Self(zoned.timestamp())).ok_or_else(|| {
            format!(
                "{text:?} is no point in time; write it as 10m (ago), 14:30 or 2026-11-21T10:00:00Z"
            )
        })
    }
}

/// A variable for a command: `NAME=value`.
pub(crate) fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("{text:?} is no variable; write it as NAME=value")),
    }
}

/// A service, or one instance of it: `api`, `api/2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) service: String,
    /// From 1.
    pub(crate) instance: Option<u32>,
}

impl FromStr for Seat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (service, instance) = match text.split_once('/') {
            None => (text, None),
            Some((service, number)) => (service, number.parse().ok().filter(|number| *number > 0)),
        };
        if service.is_empty() || (instance.is_none() && text.contains('/')) {
            return Err(format!(
                "{text:?} names no instance; write it as api or api/2"
            ));
        }
        Ok(Self {
            service: service.to_owned(),
            instance,
        })
    }
}

impl Seat {
    /// The same among these services. `api.2`, as `status` has it, is instance 2 of `api`, unless there is
    /// a service of that name.
    pub(crate) fn among(self, known: &[&str]) -> Self {
        let written = self.service.rsplit_once('.');
        let found = written.and_then(|(service, number)| {
            let number = number.parse().ok().filter(|number| *number > 0)?;
            let Meaning::One(service) = meaning(service, known.iter().copied()) else {
                return None;
            };
            Some(Self {
                service: service.to_owned(),
                instance: Some(number),
            })
        });
        let unknown = meaning(&self.service, known.iter().copied()) == Meaning::Unknown;
        match found {
            Some(found) if self.instance.is_none() && unknown => found,
            _ => self,
        }
    }
}

/// The names of the stack's services, for completion in a shell. Says nothing when the file is wrong.
pub(crate) fn services_of_the_stack() -> Vec<CompletionCandidate> {
    crate::stack_file::names_for_completion()
        .into_iter()
        .map(|(name, description)| {
            let help = (!description.is_empty()).then(|| description.into());
            CompletionCandidate::new(name).help(help)
        })
        .collect()
}

#[cfg(test)]
mod tests;
