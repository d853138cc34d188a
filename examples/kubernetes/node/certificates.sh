# A CA of the cluster's own, what it signs, and how each part of the cluster reaches the API server.
set -eu
mkdir -p -m 0755 "$FOLDER/pki"
umask 077
cd "$FOLDER/pki"

authority() { # FILE NAME
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=$2" \
    -addext "keyUsage=critical,keyCertSign,cRLSign,digitalSignature" -keyout "$1.key" -out "$1.crt" 2>/dev/null
}

signed() { # AUTHORITY FILE SUBJECT USAGE [NAMES]
  openssl req -x509 -CA "$1.crt" -CAkey "$1.key" -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 \
    -subj "$3" -addext "basicConstraints=critical,CA:FALSE" -addext "extendedKeyUsage=$4" \
    ${5:+-addext "subjectAltName=$5"} -keyout "$2.key" -out "$2.crt" 2>/dev/null
}

configuration() { # FILE SUBJECT
  signed ca "$1" "$2" clientAuth
  cat >"$FOLDER/$1.conf" <<EOF
apiVersion: v1
kind: Config
clusters:
  - name: gantry-$CLUSTER
    cluster:
      server: https://$NODE:6443
      certificate-authority-data: $authority
users:
  - name: $1
    user:
      client-certificate-data: $(base64 -w0 "$1.crt")
      client-key-data: $(base64 -w0 "$1.key")
contexts:
  - name: gantry-$CLUSTER
    context: { cluster: gantry-$CLUSTER, user: $1 }
current-context: gantry-$CLUSTER
EOF
}

authority ca gantry-ca
authority front-proxy-ca gantry-front-proxy-ca
authority=$(base64 -w0 ca.crt)
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out accounts.key 2>/dev/null
openssl pkey -in accounts.key -pubout -out accounts.pub
names=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local
signed ca apiserver /CN=kube-apiserver serverAuth "$names,IP:$NODE,IP:$API_SERVICE,IP:127.0.0.1"
signed ca node /CN=node serverAuth "DNS:node,IP:$NODE"
signed ca to-kubelet /O=system:masters/CN=apiserver-to-kubelet clientAuth
signed front-proxy-ca front-proxy /CN=front-proxy clientAuth
configuration controllers /CN=system:kube-controller-manager
configuration scheduler /CN=system:kube-scheduler
configuration kubelet /O=system:nodes/CN=system:node:node
configuration proxy /CN=system:kube-proxy
configuration dns /CN=gantry:dns
configuration volumes /CN=gantry:volumes
configuration edge /CN=gantry:edge
# Last: whoever finds it can use it.
configuration admin /O=system:masters/CN=admin
# The certificate alone is nobody's secret.
chmod 644 ca.crt
