//! What other managers call what is here.

/// Their keys and ours.
const KEYS: &[(&str, &str)] = &[
    ("args", "command"),
    ("autostart", "auto-start"),
    ("cmd", "command"),
    ("cwd", "folder"),
    ("dependencies", "depends-on"),
    ("directory", "folder"),
    ("entry", "command"),
    ("env-file", "env-files"),
    ("environment", "env"),
    ("exec", "command"),
    ("health", "readiness"),
    ("healthcheck", "readiness"),
    ("instances", "replicas"),
    ("liveness-probe", "liveness"),
    ("needs", "depends-on"),
    ("period", "interval"),
    ("readiness-probe", "readiness"),
    ("requires", "depends-on"),
    ("retries", "failures"),
    ("scale", "replicas"),
    ("threshold", "failures"),
    ("workdir", "folder"),
    ("working-dir", "folder"),
    ("working-directory", "folder"),
];

/// Their words and ours.
const WORDS: &[(&str, &str)] = &[
    ("exited", "completed"),
    ("false", "never"),
    ("healthy", "ready"),
    ("no", "never"),
    ("process_completed_successfully", "completed"),
    ("process_healthy", "ready"),
    ("process_started", "started"),
    ("running", "started"),
    ("service_completed_successfully", "completed"),
    ("service_healthy", "ready"),
    ("service_started", "started"),
    ("true", "always"),
    ("unless-stopped", "always"),
    ("yes", "always"),
    ("docker", "container"),
    ("podman", "container"),
    ("docker-compose", "compose"),
    ("k8s", "kubernetes"),
    ("native", "process"),
];

/// Our key for theirs, if it is one of `ours`.
pub(super) fn key(theirs: &str, ours: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    find(KEYS, theirs, ours)
}

/// Our word for theirs, if it is one of `ours`.
pub(super) fn word(theirs: &str, ours: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    find(WORDS, theirs, ours)
}

fn find(
    table: &[(&str, &'static str)],
    theirs: &str,
    mut ours: impl Iterator<Item = &'static str>,
) -> Option<&'static str> {
    let plain = |name: &str| name.replace(['-', '_'], "").to_lowercase();
    let theirs = plain(theirs);
    let (_, found) = table.iter().find(|(name, _)| plain(name) == theirs)?;
    ours.find(|name| name == found)
}
