#!/bin/sh
# Every protocol by curl. $1 is the server's address, http://127.0.0.1:8080 where it is left out.
# Each command is to be copied as it stands.
set -eu
url=${1:-http://127.0.0.1:8080}

echo "# Twirp, JSON"
curl -sS --json '{"names": ["Ada"]}' "$url/twirp/party.v1.Party/Welcome"; echo

echo "# Twirp, protobuf: field 1, 3 bytes"
printf '\012\003Ada' | curl -sS -H 'content-type: application/protobuf' --data-binary @- \
    "$url/twirp/party.v1.Party/Welcome" | od -c

echo "# Connect, JSON, with a deadline of a second"
curl -sS --json '{"names": ["Ada"]}' -H 'connect-protocol-version: 1' \
    -H 'connect-timeout-ms: 1000' "$url/party.v1.Party/Welcome"; echo

echo "# Connect, protobuf"
printf '\012\003Ada' | curl -sS -H 'content-type: application/proto' --data-binary @- \
    "$url/party.v1.Party/Welcome" | od -c

echo "# Connect by GET, since the method has no side effects"
curl -sS -G "$url/party.v1.Party/Welcome" -d connect=v1 -d encoding=json \
    --data-urlencode 'message={"names": ["Ada"]}'; echo

echo "# gRPC: a byte for no compression, 4 for the length of 5, the message; the status is a trailer"
printf '\000\000\000\000\005\012\003Ada' | curl -sS -i --http2-prior-knowledge \
    -H 'content-type: application/grpc' -H 'te: trailers' --data-binary @- \
    "$url/party.v1.Party/Welcome" | od -c

echo "# The same error in each form"
curl -sS -i --json '{}' "$url/twirp/party.v1.Party/Welcome"; echo
curl -sS -i --json '{}' -H 'connect-protocol-version: 1' "$url/party.v1.Party/Welcome"; echo
printf '\000\000\000\000\000' | curl -sS -i --http2-prior-knowledge \
    -H 'content-type: application/grpc' -H 'te: trailers' --data-binary @- \
    "$url/party.v1.Party/Welcome"
