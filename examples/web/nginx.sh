#!/bin/sh
# nginx in front of $UPSTREAM, on 127.0.0.1:$PORT, with everything it writes below $DATA.
set -eu
mkdir -p "$DATA"
cd "$DATA"
here=$(pwd)
cat >nginx.conf <<EOF
daemon off;
pid $here/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path $here/body;
  proxy_temp_path $here/proxy;
  fastcgi_temp_path $here/fastcgi;
  uwsgi_temp_path $here/uwsgi;
  scgi_temp_path $here/scgi;
  server {
    listen 127.0.0.1:$PORT;
    location / {
      proxy_pass http://$UPSTREAM;
    }
  }
}
EOF
exec nginx -e stderr -p "$here" -c nginx.conf
