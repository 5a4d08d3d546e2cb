// SPDX-License-Identifier: Apache-2.0

// Go's network in a container: "get URL" prints what net/http got, fifty times at once;
// "serve PORT" answers HTTP with the client's address; "dial HOST PORT" talks to an echo server.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

func check(err error) {
	if err != nil {
		fmt.Println("go:", err)
		os.Exit(1)
	}
}

func get(url string) {
	client := http.Client{Timeout: 10 * time.Second}
	bodies := make(chan string)
	for i := 0; i < 50; i++ {
		go func() {
			answer, err := client.Get(url)
			check(err)
			body, err := io.ReadAll(answer.Body)
			check(err)
			bodies <- string(body)
		}()
	}
	first := <-bodies
	for i := 1; i < 50; i++ {
		if next := <-bodies; next != first {
			check(fmt.Errorf("%q and %q", first, next))
		}
	}
	fmt.Print(first)
}

func serve(port string) {
	listener, err := net.Listen("tcp", ":"+port)
	check(err)
	fmt.Println("ready")
	check(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		fmt.Fprintf(w, "go saw %s\n", host)
	})))
}

func dial(host, port string) {
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(host, port), 5*time.Second)
	check(err)
	check(conn.SetDeadline(time.Now().Add(5 * time.Second)))
	_, err = conn.Write([]byte("from go\n"))
	check(err)
	check(conn.(*net.TCPConn).CloseWrite())
	back, err := io.ReadAll(conn)
	check(err)
	fmt.Print(string(back))
}

func main() {
	switch os.Args[1] {
	case "get":
		get(os.Args[2])
	case "serve":
		serve(os.Args[2])
	case "dial":
		dial(os.Args[2], os.Args[3])
	}
}
