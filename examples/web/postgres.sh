#!/bin/sh
# PostgreSQL the way this stack wants it: `postgres.sh init` makes the cluster in $DATA unless there
# is one, `postgres.sh serve` serves it on 127.0.0.1:$PORT. Debian keeps the programs of each version
# in a folder of their own; the newest one is taken.
set -eu
programs=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
case $1 in
init)
  if [ -f "$DATA/PG_VERSION" ]; then
    echo "there is a cluster in $DATA already"
    exit 0
  fi
  mkdir -p "$DATA"
  # Everybody on this machine may connect: fit for an example, and for nothing else.
  exec "$programs/initdb" --pgdata="$DATA" --username=web --auth=trust --encoding=UTF8 \
    --locale=C.UTF-8 --no-sync
  ;;
serve)
  # No Unix socket: its path could be too long, and nobody here uses it.
  exec "$programs/postgres" -D "$DATA" -p "$PORT" -c listen_addresses=127.0.0.1 \
    -c unix_socket_directories=
  ;;
esac
