//! What gantry itself may do here: limit trees, and leave capabilities to others.

use camino::Utf8PathBuf;
use gantry_driver::{Missing, Need, Resources};
use gantry_sys::{CapabilitySet, TreeLimits};
use serde::{Deserialize, Serialize};

use crate::groups;

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

fn try_limits(wanted: &TreeLimits) -> Result<(), Missing> {
    let tried = groups::attempt(wanted);
    if tried.not_applied.is_empty() {
        return Ok(());
    }
    Err(Missing {
        reason: format!("will not be limited: {}", tried.not_applied.join("; ")),
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
