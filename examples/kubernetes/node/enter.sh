# Runs a program in the node's network and mounts.
set -eu
pid=$(cat "$FOLDER/node.pid")
# The lock of iptables is the node's own, as its rules are.
export XTABLES_LOCKFILE="$FOLDER/node/xtables.lock"
exec nsenter --target "$pid" --net --mount --wd="$PWD" -- "$@"
