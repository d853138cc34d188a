# Makes the node's network and mounts, and holds them until it is killed. Everything of the node enters them
# (enter.sh); they, and all that was mounted and connected in them, are gone with its last process.
set -eu
if [ "${1:-}" != inside ]; then
  link=gantry-k$CLUSTER
  if ip link show "$link" >/dev/null 2>&1; then
    echo "cluster $CLUSTER is there already: this machine has a network device $link; choose another CLUSTER" >&2
    exit 1
  fi
  mkdir -p -m 0755 "$FOLDER/node" "$FOLDER/pki" "$FOLDER/run"
  exec unshare --net --mount sh "$0" inside "$link"
fi
link=$2
# The parent has stayed where it was.
outside() { nsenter --net="/proc/$PPID/ns/net" -- "$@"; }

mount --make-rshared /
mount -t tmpfs -o mode=0755 node "$FOLDER/node"
# What is written to fixed places below /var (/var/log/containers, /var/lib/cni) stays in here, too.
mkdir "$FOLDER/node/var" "$FOLDER/node/var-work"
mount -t overlay -o "lowerdir=/var,upperdir=$FOLDER/node/var,workdir=$FOLDER/node/var-work" var /var

ip link set lo up
ip link add eth0 type veth peer name "$link" netns "$PPID"
outside ip address add "$GATEWAY/30" dev "$link"
outside ip link set "$link" up
ip address add "$NODE/30" dev eth0
ip link set eth0 up
ip route add default via "$GATEWAY"
# Pods and Services are reached from this machine as well.
outside ip route add "$PODS" via "$NODE"
outside ip route add "$SERVICES" via "$NODE"
echo 1 >/proc/sys/net/ipv4/ip_forward

echo $$ >"$FOLDER/node.pid"
echo ready >&"$GANTRY_READY_FD"
exec sleep infinity
