# Ends when the node takes pods.
set -eu
for state in create condition=Ready; do
  "$PROGRAMS/bin/kubectl" wait --for="$state" node/node --timeout=60s
done
