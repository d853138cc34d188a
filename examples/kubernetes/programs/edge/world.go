package main

import (
	"context"
	"crypto/tls"
	"log"
	"net"
	"net/url"
	"slices"
	"strconv"

	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
)

// What the cluster wants of its edge.
type world struct {
	client         kubernetes.Interface
	address, class string
	ingresses      networkinglisters.IngressLister
	services       corelisters.ServiceLister
	secrets        corelisters.SecretLister
}

func (w *world) mine() []*networking.Ingress {
	all, err := w.ingresses.List(labels.Everything())
	if err != nil {
		log.Printf("failed to list Ingresses: %v", err)
	}
	all = slices.DeleteFunc(all, func(ingress *networking.Ingress) bool {
		class := ingress.Spec.IngressClassName
		return class == nil || *class != w.class
	})
	// The oldest wins where two want the same.
	slices.SortFunc(all, func(a, b *networking.Ingress) int {
		return a.CreationTimestamp.Compare(b.CreationTimestamp.Time)
	})
	return all
}

func (w *world) routes() routes {
	made := routes{certificates: map[string]*tls.Certificate{}}
	for _, ingress := range w.mine() {
		for _, entry := range ingress.Spec.TLS {
			secret, err := w.secrets.Secrets(ingress.Namespace).Get(entry.SecretName)
			if err != nil {
				log.Printf("%s/%s: no certificate: %v", ingress.Namespace, ingress.Name, err)
				continue
			}
			pair, err := tls.X509KeyPair(secret.Data[core.TLSCertKey], secret.Data[core.TLSPrivateKeyKey])
			if err != nil {
				log.Printf("%s/%s: no certificate: %v", ingress.Namespace, ingress.Name, err)
				continue
			}
			for _, host := range entry.Hosts {
				if _, taken := made.certificates[host]; !taken {
					made.certificates[host] = &pair
				}
			}
		}
		for _, rule := range ingress.Spec.Rules {
			if rule.HTTP == nil {
				continue
			}
			for _, path := range rule.HTTP.Paths {
				exact := path.PathType != nil && *path.PathType == networking.PathTypeExact
				made.add(rule.Host, path.Path, exact, w.target(ingress, &path.Backend))
			}
		}
		if backend := ingress.Spec.DefaultBackend; backend != nil {
			made.add("", "/", false, w.target(ingress, backend))
		}
	}
	made.sort()
	return made
}

// The Service's own address: kube-proxy knows who is ready behind it. Nil if there is none.
func (w *world) target(ingress *networking.Ingress, backend *networking.IngressBackend) *url.URL {
	if backend.Service == nil {
		return nil
	}
	service, err := w.services.Services(ingress.Namespace).Get(backend.Service.Name)
	if err != nil || service.Spec.ClusterIP == "" || service.Spec.ClusterIP == core.ClusterIPNone {
		return nil
	}
	for _, port := range service.Spec.Ports {
		if wanted := backend.Service.Port; port.Port == wanted.Number || (wanted.Name != "" && port.Name == wanted.Name) {
			host := net.JoinHostPort(service.Spec.ClusterIP, strconv.Itoa(int(port.Port)))
			return &url.URL{Scheme: "http", Host: host}
		}
	}
	return nil
}

// Says where Ingresses and Services of type LoadBalancer are reached, where that is not said yet.
func (w *world) tellAddresses(ctx context.Context) error {
	for _, ingress := range w.mine() {
		told := ingress.Status.LoadBalancer.Ingress
		if len(told) == 1 && told[0].IP == w.address {
			continue
		}
		ingress = ingress.DeepCopy()
		ingress.Status.LoadBalancer.Ingress = []networking.IngressLoadBalancerIngress{{IP: w.address}}
		_, err := w.client.NetworkingV1().Ingresses(ingress.Namespace).UpdateStatus(ctx, ingress, meta.UpdateOptions{})
		if err := failed(err); err != nil {
			return err
		}
	}
	services, err := w.services.List(labels.Everything())
	if err != nil {
		return err
	}
	for _, service := range services {
		told := service.Status.LoadBalancer.Ingress
		wanted := service.Spec.Type == core.ServiceTypeLoadBalancer
		if !wanted || (len(told) == 1 && told[0].IP == w.address) {
			continue
		}
		service = service.DeepCopy()
		service.Status.LoadBalancer.Ingress = []core.LoadBalancerIngress{{IP: w.address}}
		_, err := w.client.CoreV1().Services(service.Namespace).UpdateStatus(ctx, service, meta.UpdateOptions{})
		if err := failed(err); err != nil {
			return err
		}
	}
	return nil
}

// What was changed or removed meanwhile wakes us again by itself.
func failed(err error) error {
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
