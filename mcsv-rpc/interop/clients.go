// Go's clients against the interop example: grpc-go, and Twirp by net/http.
//
//	clients PLAIN_URL TLS_URL CERTIFICATE_FILE
//
// Prints a line for each case, which begins with `ok` or `FAILED`.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/golang/protobuf/proto"
	"github.com/golang/protobuf/ptypes/timestamp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pb "interop"
)

const (
	service = "interop.v1.Interop"
	message = "100 % of 'naïve' \t ✓"
	binary  = "\x00\xff\x01"
)

// By gRPC's numbers, from 1.
var names = []string{
	"canceled", "unknown", "invalid_argument", "deadline_exceeded", "not_found", "already_exists",
	"permission_denied", "resource_exhausted", "failed_precondition", "aborted", "out_of_range",
	"unimplemented", "internal", "unavailable", "data_loss", "unauthenticated",
}

func check(name string, test func() error) {
	if err := test(); err != nil {
		fmt.Println("FAILED go", name+":", strings.ReplaceAll(err.Error(), "\n", " "))
		return
	}
	fmt.Println("ok go", name)
}

func equal(left, right interface{}) error {
	if left != right {
		return fmt.Errorf("%.200v is not %.200v", left, right)
	}
	return nil
}

func ping(size int) *pb.Ping {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	return &pb.Ping{
		Text: message, Data: data, Number: math.MinInt64,
		At:      &timestamp.Timestamp{Seconds: 1795955696, Nanos: 789000000},
		Colours: []pb.Colour{0, 1, 7},
	}
}

func failure(code string) *pb.Failure {
	return &pb.Failure{Code: code, Message: message, Meta: map[string]string{"key": "välue"}}
}

// grpc-go

func grpcCases(name, url string, options ...grpc.DialOption) error {
	options = append(options, grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(math.MaxInt32)))
	connection, err := grpc.Dial(url[strings.Index(url, "//")+2:], options...)
	if err != nil {
		return err
	}
	defer connection.Close()
	client := pb.NewInteropClient(connection)
	name = "grpc-go grpc proto h2" + name
	for _, packed := range []string{"", " gzip"} {
		var options []grpc.CallOption
		if packed != "" {
			options = append(options, grpc.UseCompressor(gzip.Name))
		}
		check(name+packed+" echo", func() error { return grpcEcho(client, ping(20_000), options) })
		check(name+packed+" 3 MiB", func() error { return grpcEcho(client, ping(3<<20), options) })
	}
	check(name+" 5 MiB", func() error {
		_, err := client.Echo(context.Background(), ping(5<<20))
		return equal(status.Code(err), codes.ResourceExhausted)
	})
	for i, code := range names {
		check(name+" "+code, func() error { return grpcFail(client, codes.Code(i+1), code) })
	}
	check(name+" deadline", func() error {
		limited, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		_, err := client.Sleep(limited, ping(10))
		return equal(status.Code(err), codes.DeadlineExceeded)
	})
	for kind, path := range map[string]string{"method": "/" + service, "service": "/no.Service"} {
		check(name+" unknown "+kind, func() error {
			err := connection.Invoke(context.Background(), path+"/Nothing", ping(10), &pb.Ping{})
			return equal(status.Code(err), codes.Unimplemented)
		})
	}
	return nil
}

func grpcEcho(client pb.InteropClient, wanted *pb.Ping, options []grpc.CallOption) error {
	limited, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	sent := metadata.AppendToOutgoingContext(limited, "x-reflect", "a b", "x-reflect-bin", binary)
	var got metadata.MD
	answer, err := client.Echo(sent, wanted, append(options, grpc.Header(&got))...)
	if err != nil {
		return err
	}
	if !proto.Equal(answer, wanted) {
		return fmt.Errorf("another message came back")
	}
	if err := equal(strings.Join(got.Get("x-reflected"), "|"), "a b"); err != nil {
		return err
	}
	return equal(strings.Join(got.Get("x-reflected-bin"), "|"), binary)
}

func grpcFail(client pb.InteropClient, code codes.Code, name string) error {
	_, err := client.Fail(context.Background(), failure(name))
	told := status.Convert(err)
	if told.Code() != code || told.Message() != message {
		return err
	}
	detail, meta := "", ""
	for _, it := range told.Details() {
		switch it := it.(type) {
		case *pb.Ping:
			detail = it.Text
		case *errdetails.ErrorInfo:
			meta = it.Metadata["key"]
		}
	}
	return equal(detail+" "+meta, "detail välue")
}

// Twirp by net/http, which asks for gzip of its own accord and unpacks it.

func twirpCases(name, url string, client *http.Client, version string) {
	name = "net/http twirp proto " + name
	for _, size := range []int{100, 20_000, 3 << 20} {
		check(fmt.Sprint(name, " echo of ", size), func() error {
			wanted, answer := ping(size), &pb.Ping{}
			response, body, err := twirp(client, url, "Echo", wanted)
			if err != nil {
				return err
			}
			if err := equal(response.Proto+" "+response.Status, version+" 200 OK"); err != nil {
				return err
			}
			if err := proto.Unmarshal(body, answer); err != nil {
				return err
			}
			return equal(proto.Equal(answer, wanted), true)
		})
	}
	for _, code := range append([]string{"malformed", "bad_route"}, names...) {
		check(name+" "+code, func() error {
			return twirpFails(client, url, "Fail", failure(code), code, message+" välue")
		})
	}
	check(name+" 5 MiB", func() error {
		return twirpFails(client, url, "Echo", ping(5<<20), "resource_exhausted", "")
	})
	check(name+" unknown method", func() error {
		return twirpFails(client, url, "Nothing", ping(10), "bad_route", "")
	})
}

func twirpFails(client *http.Client, url, method string, request proto.Message, code, text string) error {
	_, body, err := twirp(client, url, method, request)
	if err != nil {
		return err
	}
	var failed struct {
		Code, Msg string
		Meta      map[string]string
	}
	if err := json.Unmarshal(body, &failed); err != nil {
		return err
	}
	if text != "" {
		return equal(failed.Code+" "+failed.Msg+" "+failed.Meta["key"], code+" "+text)
	}
	return equal(failed.Code, code)
}

func twirp(client *http.Client, url, method string, request proto.Message) (*http.Response, []byte, error) {
	body, err := proto.Marshal(request)
	if err != nil {
		return nil, nil, err
	}
	place := url + "/twirp/" + service + "/" + method
	response, err := client.Post(place, "application/protobuf", bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	return response, answer, err
}

func main() {
	plain, secured := os.Args[1], os.Args[2]
	certificate, err := os.ReadFile(os.Args[3])
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(certificate) {
		panic("the certificate can't be read")
	}
	trust := &tls.Config{RootCAs: roots}
	transport := grpc.WithTransportCredentials(credentials.NewTLS(trust))
	check("grpc-go dials", func() error { return grpcCases("", plain, grpc.WithInsecure()) })
	check("grpc-go dials tls", func() error { return grpcCases(" tls", secured, transport) })
	first := &http.Client{Transport: &http.Transport{TLSClientConfig: trust}}
	second := &http.Client{Transport: &http.Transport{TLSClientConfig: trust.Clone(), ForceAttemptHTTP2: true}}
	twirpCases("h1", plain, first, "HTTP/1.1")
	twirpCases("h1 tls", secured, first, "HTTP/1.1")
	twirpCases("h2 tls", secured, second, "HTTP/2.0")
}
