// An HTTP server as one would write it in Go, on the listener that is granted as descriptor 3.
package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

// net/http gives up when the kernel has no buffers for one more connection; this waits.
type patient struct{ net.Listener }

func (listener patient) Accept() (net.Conn, error) {
	for {
		connection, err := listener.Listener.Accept()
		if !errors.Is(err, syscall.ENOBUFS) {
			return connection, err
		}
		time.Sleep(time.Millisecond)
	}
}

func main() {
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	http.HandleFunc("/echo", func(answer http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err == nil {
			answer.Write(body)
		}
	})
	fmt.Fprintln(os.Stderr, http.Serve(patient{listener}, nil))
}
