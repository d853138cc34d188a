set -eu
pki=$FOLDER/pki
exec "$PROGRAMS/bin/kube-controller-manager" \
  --kubeconfig "$FOLDER/controllers.conf" --authentication-kubeconfig "$FOLDER/controllers.conf" \
  --authorization-kubeconfig "$FOLDER/controllers.conf" --leader-elect=false --use-service-account-credentials \
  --tls-cert-file "$pki/node.crt" --tls-private-key-file "$pki/node.key" \
  --root-ca-file "$pki/ca.crt" --service-account-private-key-file "$pki/accounts.key" \
  --cluster-signing-cert-file "$pki/ca.crt" --cluster-signing-key-file "$pki/ca.key" \
  --service-cluster-ip-range "$SERVICES"
