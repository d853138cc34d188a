// The way into the cluster: serves its Ingresses on the node's address, and gives that address to Services of type
// LoadBalancer, for which kube-proxy does the rest.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "how the API server is reached")
	address := flag.String("address", "", "the node's address")
	class := flag.String("class", "edge", "the Ingress class that is served")
	flag.Parse()

	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		log.Fatalf("failed to read %s: %v", *kubeconfig, err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		log.Fatalf("failed to make a client: %v", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	// Everything is looked at anew after a change: there is one wake-up for any number of them.
	wake := make(chan struct{}, 1)
	changed := func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	world := &world{
		client:    client,
		address:   *address,
		class:     *class,
		ingresses: factory.Networking().V1().Ingresses().Lister(),
		services:  factory.Core().V1().Services().Lister(),
		secrets:   factory.Core().V1().Secrets().Lister(),
	}
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { changed() },
		UpdateFunc: func(any, any) { changed() },
		DeleteFunc: func(any) { changed() },
	}
	for _, informer := range []cache.SharedIndexInformer{
		factory.Networking().V1().Ingresses().Informer(),
		factory.Core().V1().Services().Informer(),
		factory.Core().V1().Secrets().Informer(),
	} {
		if _, err := informer.AddEventHandler(handler); err != nil {
			log.Fatalf("failed to watch: %v", err)
		}
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())

	front := newFront()
	serve(ctx, net.JoinHostPort(*address, "80"), func(server *http.Server, listener net.Listener) error {
		return server.Serve(listener)
	}, front)
	serve(ctx, net.JoinHostPort(*address, "443"), func(server *http.Server, listener net.Listener) error {
		server.TLSConfig = front.tls()
		return server.ServeTLS(listener, "", "")
	}, front)

	for {
		front.replace(world.routes())
		if err := world.tellAddresses(ctx); err != nil && ctx.Err() == nil {
			log.Printf("failed to tell an address, trying again: %v", err)
			time.AfterFunc(time.Second, changed)
		}
		select {
		case <-ctx.Done():
			return
		case <-wake:
		}
	}
}

func serve(ctx context.Context, address string, run func(*http.Server, net.Listener) error, handler http.Handler) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatalf("failed to listen: %v", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := run(server, listener); !errors.Is(err, http.ErrServerClosed) {
			log.Fatalf("failed to serve on %s: %v", address, err)
		}
	}()
	context.AfterFunc(ctx, func() { _ = server.Close() })
}
