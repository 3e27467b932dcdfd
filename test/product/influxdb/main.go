// Command influxdb stands for the metrics database beside the demo product, which is the same
// in all of its releases: it accepts points and answers /ping.
package main

import (
	"flag"
	"io"
	"log"
	"net/http"
	"sync/atomic"
	"time"
)

func main() {
	bind := flag.String("bind", "127.0.0.1:8086", "`address` to listen on")
	flag.Parse()
	var points atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ping", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Influxdb-Version", "0.8.8")
		w.WriteHeader(http.StatusOK)
	})
	mux.HandleFunc("POST /db/{name}/series", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, 1<<20)); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		points.Add(1)
	})
	server := &http.Server{Addr: *bind, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	log.Fatal(server.ListenAndServe())
}
