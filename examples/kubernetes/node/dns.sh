set -eu
cat >"$FOLDER/node/Corefile" <<EOF
.:53 {
  bind $NODE
  errors
  health $NODE:8080
  ready $NODE:8181
  kubernetes cluster.local in-addr.arpa {
    kubeconfig $FOLDER/dns.conf
    pods insecure
  }
  cache 5
  loadbalance
}
EOF
exec "$PROGRAMS/bin/coredns" -conf "$FOLDER/node/Corefile"
