//! What gantry itself may do here: limit trees, and leave capabilities to others.

use camino::Utf8PathBuf;
use gantry_driver::{Missing, Need, Resources};
use gantry_sys::{CapabilitySet, CgroupRoot, OldHierarchies, TreeLimits};
use serde::{Deserialize, Serialize};

/// What a need of this kind carries.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "process", rename_all = "kebab-case")]
enum Right {
    /// Capabilities that are named, and those of them that are to be kept.
    Capabilities {
        named: Vec<String>,
        kept: Vec<String>,
    },
    /// A file or folder that is to be made read-only.
    Path { path: Utf8PathBuf },
    /// Limits on a tree.
    Limits {
        memory: bool,
        cpus: bool,
        pids: bool,
        io_weight: bool,
    },
}

fn need(what: String, right: &Right) -> Need {
    Need::Backend {
        what,
        data: serde_json::to_value(right).expect("words and truths are JSON"),
    }
}

/// The need of these names to mean something, and of those that are kept to be ours.
pub(crate) fn capabilities(named: &[String], kept: &[String]) -> Need {
    let right = Right::Capabilities {
        named: named.to_vec(),
        kept: kept.to_vec(),
    };
    need(format!("the capabilities {}", named.join(", ")), &right)
}

/// The need of a path to exist, so that it can be made read-only.
pub(crate) fn path(path: Utf8PathBuf) -> Need {
    let what = format!("the path {path}");
    need(what, &Right::Path { path })
}

/// The need to be able to apply these limits, if there are any.
pub(crate) fn limits(resources: &Resources) -> Option<Need> {
    let kinds = [
        ("memory", resources.memory),
        ("cpus", resources.cpu_millis),
        ("pids", resources.pids),
        ("io-weight", resources.io_weight),
    ];
    let [memory, cpus, pids, io_weight] = kinds.map(|(_, limit)| limit.is_some());
    let names: Vec<_> = kinds
        .iter()
        .filter(|(_, limit)| limit.is_some())
        .map(|(name, _)| *name)
        .collect();
    let right = Right::Limits {
        memory,
        cpus,
        pids,
        io_weight,
    };
    (!names.is_empty()).then(|| need(format!("limits of {}", names.join(", ")), &right))
}

/// Look whether such a need is met. Those of other drivers are not known to be missing.
pub(crate) fn examine(need: &Need) -> Result<(), Missing> {
    let Need::Backend { data, .. } = need else {
        return Ok(());
    };
    match Right::deserialize(data) {
        Ok(Right::Capabilities { named, kept }) => {
            CapabilitySet::of(&named).map_err(|name| Missing {
                reason: format!("there is no capability `{name}`"),
                hint: Some("see capabilities(7) for the names, as in `net-bind-service`".into()),
            })?;
            let kept = CapabilitySet::of(&kept).unwrap_or_default();
            let lacking = kept.without(CapabilitySet::ours());
            if lacking.is_empty() {
                return Ok(());
            }
            Err(Missing {
                reason: format!(
                    "it cannot keep the capabilities {lacking}: gantry runs without them itself"
                ),
                hint: Some("run gantry as root, or leave them out".into()),
            })
        }
        Ok(Right::Path { path }) => path.symlink_metadata().map(|_| ()).map_err(|_| Missing {
            reason: format!("{path}, which it is only to read, does not exist"),
            hint: None,
        }),
        Ok(Right::Limits {
            memory,
            cpus,
            pids,
            io_weight,
        }) => try_limits(&TreeLimits {
            // Any value that every kernel takes will do.
            memory: memory.then_some(1 << 30),
            cpu_millis: cpus.then_some(1000),
            pids: pids.then_some(100),
            io_weight: io_weight.then_some(100),
        }),
        Err(_) => Ok(()),
    }
}

/// Limit a group in which nothing is, and remove it again: no other way tells for sure.
fn try_limits(wanted: &TreeLimits) -> Result<(), Missing> {
    let name = format!("gantry-preflight-{}", std::process::id());
    let unwanted = std::env::var_os(gantry_keeper::NO_CGROUP).is_some();
    let unwanted = unwanted.then(|| format!("{} is set", gantry_keeper::NO_CGROUP));
    let root = match &unwanted {
        Some(why) => Err(why.clone()),
        None => CgroupRoot::open(&name).map_err(|why| why.to_string()),
    };
    let group = root.as_ref().map_err(Clone::clone).and_then(|root| {
        let group = root.group("try").map_err(|error| error.to_string())?;
        Ok((root, group))
    });
    let old = match &unwanted {
        Some(why) => Err(why.clone()),
        None => OldHierarchies::find(&name, root.is_ok()),
    };
    let limited = gantry_sys::limit_tree(
        group
            .as_ref()
            .map(|(root, group)| (*root, group))
            .map_err(String::as_str),
        old.as_ref().map_err(String::as_str),
        "try",
        wanted,
    );
    for joined in &limited.join {
        joined.remove();
    }
    if let Ok((root, group)) = &group {
        group.remove();
        root.remove();
    }
    if let Ok(old) = &old {
        old.remove();
    }
    if limited.not_applied.is_empty() {
        return Ok(());
    }
    Err(Missing {
        reason: format!("will not be limited: {}", limited.not_applied.join("; ")),
        hint: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_nothing_are_missing() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let need = capabilities(&names(&["fly"]), &[]);
        let missing = examine(&need).unwrap_err();
        assert_eq!(missing.reason, "there is no capability `fly`");
        assert_eq!(examine(&capabilities(&names(&["chown"]), &[])), Ok(()));
    }

    #[test]
    fn what_does_not_exist_cannot_be_read_only() {
        assert_eq!(examine(&path("/".into())), Ok(()));
        let missing = examine(&path("/does/not/exist".into())).unwrap_err();
        assert!(missing.reason.contains("/does/not/exist"), "{missing}");
    }

    #[test]
    fn no_limit_is_no_need() {
        assert_eq!(limits(&Resources::default()), None);
        let memory = Resources {
            memory: Some(5),
            ..Resources::default()
        };
        assert_eq!(limits(&memory).unwrap().to_string(), "limits of memory");
    }
}
