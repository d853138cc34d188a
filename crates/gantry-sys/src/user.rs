//! Users and groups by name or number.

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};

/// Who a process is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// The supplementary groups.
    pub groups: Vec<u32>,
    /// The user's name, home and shell, where the database has them.
    pub account: Option<Account>,
}

/// What the user database says of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The name.
    pub name: String,
    /// The home folder.
    pub home: String,
    /// The shell.
    pub shell: String,
}

/// Why a user or group could not be found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    /// No such user.
    #[error("there is no user `{0}`")]
    User(String),
    /// No such group.
    #[error("there is no group `{0}`")]
    Group(String),
    /// A user by number without an entry needs a group.
    #[error("user {0} is not in the user database, so a group must be named too")]
    NoGroup(u32),
    /// The database could not be read.
    #[error("cannot look up `{0}`: {1}")]
    Database(String, nix::errno::Errno),
}

impl Credentials {
    /// Whether this process is that already, so that nothing has to change.
    pub(crate) fn is_ours(&self) -> bool {
        Uid::effective().as_raw() == self.uid
            && Uid::current().as_raw() == self.uid
            && Gid::effective().as_raw() == self.gid
            && !Uid::effective().is_root()
    }
}

/// Find a user and groups. At least one is named; without a user it stays this process's, and without
/// supplementary groups they are those of the user.
pub fn lookup(
    user: Option<&str>,
    group: Option<&str>,
    groups: Option<&[String]>,
) -> Result<Credentials, UserError> {
    let entry = match user {
        None => User::from_uid(Uid::effective())
            .map_err(|error| UserError::Database("this user".into(), error))?,
        Some(text) => {
            let found = match text.parse() {
                Ok(number) => User::from_uid(Uid::from_raw(number)),
                Err(_) => User::from_name(text),
            };
            found.map_err(|error| UserError::Database(text.to_owned(), error))?
        }
    };
    let uid = match (&entry, user) {
        (Some(entry), _) => entry.uid.as_raw(),
        (None, None) => Uid::effective().as_raw(),
        (None, Some(text)) => text.parse().map_err(|_| UserError::User(text.to_owned()))?,
    };
    let gid = match group {
        Some(text) => find_group(text)?,
        None => match (&entry, user) {
            (Some(entry), Some(_)) => entry.gid.as_raw(),
            (_, None) => Gid::effective().as_raw(),
            (None, Some(_)) => return Err(UserError::NoGroup(uid)),
        },
    };
    let of_the_user = || {
        entry
            .as_ref()
            .and_then(|entry| {
                let name = std::ffi::CString::new(entry.name.as_str()).ok()?;
                getgrouplist(&name, Gid::from_raw(gid)).ok()
            })
            .map_or_else(
                || vec![gid],
                |groups| groups.iter().map(|gid| gid.as_raw()).collect(),
            )
    };
    let groups = match groups {
        Some(names) => names
            .iter()
            .map(|name| find_group(name))
            .collect::<Result<_, _>>()?,
        None => of_the_user(),
    };
    Ok(Credentials {
        uid,
        gid,
        groups,
        account: entry.map(|entry| Account {
            name: entry.name,
            home: entry.dir.to_string_lossy().into_owned(),
            shell: entry.shell.to_string_lossy().into_owned(),
        }),
    })
}

fn find_group(text: &str) -> Result<u32, UserError> {
    let found = match text.parse() {
        Ok(number) => return Ok(number),
        Err(_) => Group::from_name(text),
    };
    match found {
        Ok(Some(group)) => Ok(group.gid.as_raw()),
        Ok(None) => Err(UserError::Group(text.to_owned())),
        Err(error) => Err(UserError::Database(text.to_owned(), error)),
    }
}
