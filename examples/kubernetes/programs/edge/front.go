package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
)

// Where requests go.
type routes struct {
	rules        []rule
	certificates map[string]*tls.Certificate
}

type rule struct {
	host, path string
	exact      bool
	target     *url.URL
}

func (r *routes) add(host, path string, exact bool, target *url.URL) {
	if path == "" {
		path = "/"
	}
	r.rules = append(r.rules, rule{host, path, exact, target})
}

// Named hosts before wildcards before any, exact paths before prefixes, long ones before short ones: the order of
// the Ingress specification.
func (r *routes) sort() {
	slices.SortStableFunc(r.rules, func(a, b rule) int {
		return cmp.Or(
			cmp.Compare(rank(a.host), rank(b.host)),
			cmp.Compare(len(b.path), len(a.path)),
			cmp.Compare(order(a.exact), order(b.exact)),
		)
	})
}

func rank(host string) int {
	switch {
	case host == "":
		return 2
	case strings.HasPrefix(host, "*."):
		return 1
	default:
		return 0
	}
}

func order(exact bool) int {
	if exact {
		return 0
	}
	return 1
}

func (r *rule) matches(host, path string) bool {
	if r.host != "" && r.host != host {
		// A wildcard stands for one label.
		_, parent, _ := strings.Cut(host, ".")
		if wanted, wildcard := strings.CutPrefix(r.host, "*."); !wildcard || wanted != parent {
			return false
		}
	}
	if r.exact {
		return r.path == path
	}
	// Prefixes are of whole elements.
	prefix := strings.TrimSuffix(r.path, "/")
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

// The server in front.
type front struct {
	routes atomic.Pointer[routes]
	proxy  httputil.ReverseProxy
}

type targetKey struct{}

func newFront() *front {
	front := &front{}
	front.routes.Store(&routes{})
	front.proxy = httputil.ReverseProxy{
		Rewrite: func(request *httputil.ProxyRequest) {
			target, _ := request.In.Context().Value(targetKey{}).(*url.URL)
			request.Out.URL.Scheme, request.Out.URL.Host = target.Scheme, target.Host
			request.Out.Host = request.In.Host
			request.SetXForwarded()
		},
		ErrorHandler: func(answer http.ResponseWriter, request *http.Request, err error) {
			log.Printf("%s%s: %v", request.Host, request.URL.Path, err)
			http.Error(answer, "nobody answers behind this address", http.StatusServiceUnavailable)
		},
	}
	return front
}

func (f *front) replace(routes routes) { f.routes.Store(&routes) }

func (f *front) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	host := request.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	rules := f.routes.Load().rules
	index := slices.IndexFunc(rules, func(rule rule) bool { return rule.matches(host, request.URL.Path) })
	switch {
	case index < 0:
		http.Error(answer, "no Ingress has this host and path", http.StatusNotFound)
	case rules[index].target == nil:
		http.Error(answer, "the Ingress names a Service that is not there", http.StatusServiceUnavailable)
	default:
		f.proxy.ServeHTTP(answer, request.WithContext(
			context.WithValue(request.Context(), targetKey{}, rules[index].target)))
	}
}

func (f *front) tls() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			certificates := f.routes.Load().certificates
			_, parent, _ := strings.Cut(hello.ServerName, ".")
			for _, name := range []string{hello.ServerName, "*." + parent} {
				if found := certificates[name]; found != nil {
					return found, nil
				}
			}
			return nil, fmt.Errorf("no Ingress has a certificate for %q", hello.ServerName)
		},
	}
}
