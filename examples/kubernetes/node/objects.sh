# What every cluster has besides its programs.
set -eu
kubectl="$PROGRAMS/bin/kubectl"
{
  sed "s/@NODE@/$NODE/; s/@DNS_SERVICE@/$DNS_SERVICE/" objects/*.yaml
  echo ---
  "$kubectl" create secret tls gantry-ca --namespace kube-system --cert "$FOLDER/pki/ca.crt" --key "$FOLDER/pki/ca.key" \
    --dry-run=client --output yaml
} | "$kubectl" apply --server-side --force-conflicts --validate=false --filename -
