# containerd, with folders, a socket and a network configuration of its own. It is the first process of a process
# namespace: pods end with it, whatever they are doing.
set -eu
etc=$FOLDER/node/containerd
mkdir -p "$etc/net.d"
cat >"$etc/net.d/10-pods.conflist" <<EOF
{
  "cniVersion": "0.4.0",
  "name": "pods",
  "plugins": [
    {
      "type": "bridge", "bridge": "pods", "isGateway": true, "ipMasq": true, "hairpinMode": true,
      "ipam": {
        "type": "host-local", "dataDir": "$etc/addresses",
        "ranges": [[{ "subnet": "$PODS" }]], "routes": [{ "dst": "0.0.0.0/0" }]
      }
    },
    { "type": "portmap", "capabilities": { "portMappings": true } }
  ]
}
EOF
cat >"$etc/config.toml" <<EOF
version = 2
root = "$etc/root"
state = "$etc/state"
[grpc]
  address = "$FOLDER/run/containerd.sock"
[ttrpc]
  address = "$FOLDER/run/containerd.sock.ttrpc"
[plugins."io.containerd.internal.v1.opt"]
  path = "$etc/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "gantry.example/pause:1"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  disable_tcp_service = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$etc/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
EOF
# The shell collects the orphans of the namespace.
exec unshare --pid --fork --kill-child --mount --propagation unchanged --mount-proc \
  sh -c 'containerd --config "$0" & wait' "$etc/config.toml"
