//! Do the users and groups exist that services run as, and may we become them?

use futures::future::BoxFuture;
use gantry_driver::{Missing, Need};
use nix::unistd::{Gid, Group, Uid, User};

use super::{Check, Subject, Surroundings, now};

pub(super) struct Account;

impl Check for Account {
    fn name(&self) -> &'static str {
        "account"
    }

    fn knows(&self, subject: &Subject) -> bool {
        matches!(
            subject,
            Subject::Need(Need::User { .. } | Need::Group { .. })
        )
    }

    fn look<'a>(
        &'a self,
        subject: &'a Subject,
        _around: &'a Surroundings,
    ) -> BoxFuture<'a, Result<(), Missing>> {
        now(match subject {
            Subject::Need(Need::User { name }) => user(name),
            Subject::Need(Need::Group { name }) => group(name),
            _ => Ok(()),
        })
    }
}

fn user(name: &str) -> Result<(), Missing> {
    let uid = match name.parse() {
        Ok(number) => Some(Uid::from_raw(number)),
        Err(_) => User::from_name(name).ok().flatten().map(|user| user.uid),
    };
    let uid = uid.ok_or_else(|| unknown("user", name))?;
    may(uid == Uid::effective(), "user", name)
}

fn group(name: &str) -> Result<(), Missing> {
    let gid = match name.parse() {
        Ok(number) => Some(Gid::from_raw(number)),
        Err(_) => Group::from_name(name).ok().flatten().map(|group| group.gid),
    };
    let gid = gid.ok_or_else(|| unknown("group", name))?;
    may(gid == Gid::effective(), "group", name)
}

fn unknown(what: &str, name: &str) -> Missing {
    Missing {
        reason: format!("there is no {what} `{name}` on this machine"),
        hint: None,
    }
}

/// Only root may become somebody else.
fn may(is_ours: bool, what: &str, name: &str) -> Result<(), Missing> {
    if is_ours || Uid::effective().is_root() {
        return Ok(());
    }
    let me = User::from_uid(Uid::effective()).ok().flatten();
    let me = me.map_or_else(|| Uid::effective().to_string(), |user| user.name);
    Err(Missing {
        reason: format!("only root may start processes as {what} `{name}`, and this is {me}"),
        hint: Some(format!("leave `{what}` out, or run gantry as root")),
    })
}
