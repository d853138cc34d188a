#!/bin/sh
# Makes the example's image of this machine's own busybox, where it cannot be fetched. Needs a static one (the package
# busybox-static on Debian).
#
#     sh image.sh [docker|podman] [NAME]
set -eu
engine=${1:-docker}
name=${2:-busybox:1.36}
root=$(mktemp -d)
trap 'rm -r "$root"' EXIT
mkdir "$root/bin" "$root/tmp"
cp "$(command -v busybox)" "$root/bin/busybox"
for program in $(busybox --list); do
  [ "$program" = busybox ] || ln -s busybox "$root/bin/$program"
done
tar -C "$root" -c . | "$engine" import - "$name"
