# What the node leaves on the machine besides its namespaces: its folder, the empty groups of its pods, and for a
# moment this end of its network, since the kernel takes its time with networks that nobody is in any more.
set -eu
link=gantry-k$CLUSTER
ip link delete "$link" 2>/dev/null || ! ip link show "$link" 2>/dev/null
for group in /sys/fs/cgroup/gantry-kubernetes-"$CLUSTER" /sys/fs/cgroup/*/gantry-kubernetes-"$CLUSTER"; do
  if [ -d "$group" ]; then
    find "$group" -depth -type d -exec rmdir {} \;
  fi
done
rm -rf "$FOLDER"
