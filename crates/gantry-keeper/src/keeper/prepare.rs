//! Looking up all that a command names.

use std::ffi::CString;

use gantry_sys::{CapabilitySet, Credentials, Environment, Sandbox, Scheduling, SpawnError, Stage};

use crate::guard::MARK;
use crate::protocol::{self, Command, Limits};

/// What a command looks like when everything about it was looked up.
pub(super) struct Prepared {
    pub(super) argv: Vec<CString>,
    pub(super) cwd: CString,
    pub(super) credentials: Option<Credentials>,
    pub(super) env: Environment,
    pub(super) scheduling: Option<Scheduling>,
    pub(super) sandbox: Option<Sandbox>,
}

/// Look all of it up.
pub(super) fn prepare(command: &Command, mark: &str) -> Result<Prepared, SpawnError> {
    let wrong = |message: String| SpawnError::new(Stage::Arguments, 0, message);
    let text = |text: &str| {
        CString::new(text).map_err(|_| wrong(format!("there is a NUL byte in {text:?}")))
    };
    let argv: Vec<CString> = command
        .argv
        .iter()
        .map(|arg| text(arg))
        .collect::<Result<_, _>>()?;
    if command.argv.first().is_none_or(String::is_empty) {
        return Err(wrong("the command is empty".into()));
    }
    let credentials = match (&command.user, &command.group, &command.groups) {
        (None, None, None) => None,
        (user, group, groups) => Some(
            gantry_sys::lookup(user.as_deref(), group.as_deref(), groups.as_deref())
                .map_err(|error| SpawnError::new(Stage::Lookup, 0, error.to_string()))?,
        ),
    };
    let mut env = Environment::of(&command.env)
        .map_err(|name| wrong(format!("the variable {name:?} cannot be passed on")))?;
    if let Some(account) = credentials
        .as_ref()
        .filter(|_| command.user.is_some())
        .and_then(|credentials| credentials.account.as_ref())
    {
        for (name, value) in [
            ("HOME", &account.home),
            ("USER", &account.name),
            ("LOGNAME", &account.name),
            ("SHELL", &account.shell),
        ] {
            if !env.contains(name) {
                env.set(name, value);
            }
        }
    }
    env.set(MARK, mark);
    Ok(Prepared {
        argv,
        cwd: text(command.cwd.as_str())?,
        scheduling: scheduling(&command.limits)?,
        sandbox: sandbox(&command.sandbox, credentials.as_ref())?,
        credentials,
        env,
    })
}

fn scheduling(limits: &Limits) -> Result<Option<Scheduling>, SpawnError> {
    let Some(name) = &limits.scheduling else {
        return Ok(None);
    };
    let policy = gantry_sys::Policy::from_name(name).ok_or_else(|| {
        let message = format!("there is no scheduling policy `{name}`");
        SpawnError::new(Stage::Scheduling, 0, message)
    })?;
    Ok(Some(Scheduling {
        policy,
        priority: limits.priority.unwrap_or_else(|| policy.lowest_priority()),
    }))
}

/// What is asked for, in the kernel's terms. What we do not have ourselves cannot be left to anyone.
fn sandbox(
    wanted: &protocol::Sandbox,
    credentials: Option<&Credentials>,
) -> Result<Option<Sandbox>, SpawnError> {
    if wanted.is_empty() {
        return Ok(None);
    }
    let wrong = |message: String| SpawnError::new(Stage::Capabilities, 0, message);
    let set = |names: &[String]| {
        CapabilitySet::of(names).map_err(|name| wrong(format!("there is no capability `{name}`")))
    };
    let dropped = set(&wanted.drop_capabilities)?;
    let ours = CapabilitySet::ours();
    let kept = wanted.capabilities.as_deref().map(set).transpose()?;
    if let Some(kept) = kept {
        let lacking = kept.without(ours);
        if !lacking.is_empty() {
            return Err(wrong(format!(
                "cannot leave it the capabilities {lacking}: gantry runs without them itself"
            )));
        }
    }
    let root = credentials.map_or_else(is_root, |who| who.uid == 0);
    let capabilities = match kept {
        Some(kept) => Some(kept.without(dropped)),
        None if dropped.is_empty() => None,
        None => Some(CapabilitySet::ALL.without(dropped)),
    };
    let read_only = wanted
        .read_only_paths
        .iter()
        .map(|path| {
            CString::new(path.as_str()).map_err(|_| {
                SpawnError::new(
                    Stage::ReadOnly,
                    0,
                    format!("there is a NUL byte in {path:?}"),
                )
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(Some(Sandbox {
        capabilities,
        ambient: kept.is_some_and(|kept| !kept.is_empty()) && !root,
        no_new_privileges: wanted.no_new_privileges,
        private_tmp: wanted.private_tmp,
        read_only,
    }))
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
