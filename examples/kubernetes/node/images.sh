# Gives containerd the images that "cargo xtask kubernetes build" made.
set -eu
for image in "$PROGRAMS"/images/*.tar; do
  ctr --address "$FOLDER/run/containerd.sock" --namespace k8s.io images import "$image"
done
