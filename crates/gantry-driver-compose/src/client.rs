//! The program that podman-compose calls in place of Podman's client.
//!
//! What podman-compose makes, gantry starts: each container when what it waits for has come. But Podman is told with
//! each container which others it needs, whatever the condition; and when it starts one, it starts all of these that
//! do not run. So a job that has ended would run a second time, or, if it itself needs something that runs, nothing
//! would start at all. What is told is left out here.

use std::io;

use camino::Utf8PathBuf;
use gantry_core::InstanceId;
use gantry_driver::StackIdentity;

use crate::record;

/// `--requires` stands before all that is the user's own: once another word has come, nothing is left out.
const CLIENT: &str = r#"#!/bin/sh
# Written by gantry for podman-compose, which calls this in place of podman: gantry starts these containers, each when
# what it waits for has come, and Podman is not to start any of them by itself.
before=yes
for word; do
  shift
  case $before$word in
    yes--requires=*) continue ;;
    yescreate | yes--name=* | yes--pod=*) ;;
    *) before= ;;
  esac
  set -- "$@" "$word"
done
exec podman "$@"
"#;

/// Writes it, and gives its path.
pub(crate) fn write(stack: &StackIdentity, instance: &InstanceId) -> io::Result<Utf8PathBuf> {
    let path = record::client_path(stack, instance);
    record::write_with(&path, CLIENT.as_bytes(), 0o700)?;
    Ok(path)
}

#[cfg(test)]
mod tests;
