# The kubelet, for a machine whose groups of processes are those of cgroups v1 or v2, with swap or without, and
# that other things share: it limits and evicts nothing on its own account.
set -eu
home=$FOLDER/node/kubelet
mkdir -p "$home"
# Pods ask the cluster's DNS alone.
: >"$home/resolv.conf"
cat >"$home/config.yaml" <<EOF
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $NODE
healthzBindAddress: $NODE
containerRuntimeEndpoint: unix://$FOLDER/run/containerd.sock
authentication:
  anonymous: { enabled: false }
  webhook: { enabled: true }
  x509: { clientCAFile: $FOLDER/pki/ca.crt }
authorization: { mode: Webhook }
tlsCertFile: $FOLDER/pki/node.crt
tlsPrivateKeyFile: $FOLDER/pki/node.key
clusterDNS: [$DNS_SERVICE]
clusterDomain: cluster.local
resolvConf: $home/resolv.conf
podLogsDir: $home/logs
volumePluginDir: $home/plugins-of-others
cgroupDriver: cgroupfs
cgroupRoot: /gantry-kubernetes-$CLUSTER
cgroupsPerQOS: false
enforceNodeAllocatable: []
failCgroupV1: false
failSwapOn: false
localStorageCapacityIsolation: false
maxOpenFiles: 20000
evictionHard: {}
imageGCHighThresholdPercent: 100
makeIPTablesUtilChains: true
shutdownGracePeriod: 0s
EOF
exec "$PROGRAMS/bin/kubelet" --config "$home/config.yaml" --kubeconfig "$FOLDER/kubelet.conf" \
  --root-dir "$home" --node-ip "$NODE" --hostname-override node
