//! What control groups are to be had here.

use std::path::PathBuf;

use gantry_driver::{Candidate, Offer, Standing};
use gantry_sys::{CgroupRoot, OldHierarchies, TreeLimits};

/// What came of limiting a group in which nothing is.
pub(crate) struct Attempt {
    /// The group of version 2 that ours would be made in, or why none can be.
    pub(crate) root: Result<PathBuf, String>,
    /// Whether groups of version 1 were needed.
    pub(crate) old: bool,
    /// What could not be limited, each with the reason.
    pub(crate) not_applied: Vec<String>,
}

/// Limits a group in which nothing is, and removes it again: no other way tells for sure.
pub(crate) fn attempt(wanted: &TreeLimits) -> Attempt {
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
    let above = group.as_ref().map_err(Clone::clone).map(|(root, _)| {
        let above = root.path().parent().unwrap_or(root.path());
        above.to_owned()
    });
    if let Ok((root, group)) = &group {
        group.remove();
        root.remove();
    }
    if let Ok(old) = &old {
        old.remove();
    }
    Attempt {
        root: above,
        old: !limited.join.is_empty(),
        not_applied: limited.not_applied,
    }
}

/// What limits can be set, one after the other. Without a group, trees are found by lineage all the same.
pub(crate) fn survey() -> Offer {
    // Any value that every kernel takes will do.
    let none = TreeLimits::default;
    let limits = [
        (
            "memory",
            TreeLimits {
                memory: Some(1 << 30),
                ..none()
            },
        ),
        (
            "cpus",
            TreeLimits {
                cpu_millis: Some(1000),
                ..none()
            },
        ),
        (
            "pids",
            TreeLimits {
                pids: Some(100),
                ..none()
            },
        ),
        (
            "io-weight",
            TreeLimits {
                io_weight: Some(100),
                ..none()
            },
        ),
    ];
    let group = attempt(&none());
    let limits = limits.map(|(name, limit)| (name, attempt(&limit)));
    let candidates = limits.iter().map(|(name, tried)| {
        let reason = tried.not_applied.first();
        let (chosen, found) = match (reason, tried.old) {
            (Some(reason), _) => {
                let reason = reason.strip_prefix(&format!("{name}: ")).unwrap_or(reason);
                (false, reason.to_owned())
            }
            (None, true) => (true, "version 1".to_owned()),
            (None, false) => (true, "version 2".to_owned()),
        };
        Candidate {
            name: (*name).to_owned(),
            chosen,
            found,
        }
    });
    let candidates: Vec<_> = candidates.collect();
    let can = candidates.iter().filter(|limit| limit.chosen).count();
    let (found, whole) = match &group.root {
        Ok(path) => (format!("{} is ours to divide", path.display()), true),
        Err(why) => (
            format!("{why}; processes are found by lineage and marks"),
            false,
        ),
    };
    Offer {
        part: "control groups".into(),
        choice: None,
        standing: if whole && can == candidates.len() {
            Standing::Good
        } else if whole || can > 0 {
            Standing::Partly
        } else {
            Standing::Missing
        },
        found,
        because: None,
        candidates,
        hint: (!whole && std::env::var_os(gantry_keeper::NO_CGROUP).is_none()).then(|| {
            "limits of `resources` need a group that was delegated, as `systemd-run --user --scope -p Delegate=yes` makes one"
                .to_owned()
        }),
    }
}
