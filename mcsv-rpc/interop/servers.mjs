// Node's servers for the client of this crate: connect-node, grpc-js, twirp-ts, Node's own HTTP/2.
//
//     servers.mjs CERTIFICATE_FILE KEY_FILE PROTO_FILE, in the folder with node_modules
//
// Prints `NAME PROTOCOL HTTP_VERSION URL` for each server, an empty line, and serves until it is
// killed.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import { createFileRegistry, fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import { anyPack, AnySchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";
import twirpTs from "twirp-ts";

const [certificateFile, keyFile, proto] = process.argv.slice(2);
const [cert, key] = [readFileSync(certificateFile), readFileSync(keyFile)];
const folder = proto.replace(/[^/]*$/, "");
const image = execFileSync("node_modules/.bin/buf", ["build", folder, "--as-file-descriptor-set", "-o", "-"]);
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
const service = registry.getService("interop.v1.Interop");
const Ping = registry.getMessage("interop.v1.Ping");
const Failure = registry.getMessage("interop.v1.Failure");

const reflected = { "x-reflect": "x-reflected", "x-reflect-bin": "x-reflected-bin" };
const detail = fromJson(Ping, { text: "detail" });
const never = new Promise(() => {});
const camel = (name) => name.replace(/(?:^|_)[a-z]/g, (part) => part.slice(-1).toUpperCase());

function listen(server, scheme, ...lines) {
  return new Promise((done) =>
    server.listen(0, "127.0.0.1", () => {
      const host = scheme === "https" ? "localhost" : "127.0.0.1";
      for (const line of lines) console.log(`${line} ${scheme}://${host}:${server.address().port}`);
      done();
    }),
  );
}

async function connectNode() {
  const handlers = {
    echo(request, context) {
      for (const [asked, answered] of Object.entries(reflected)) {
        const value = context.requestHeader.get(asked);
        if (value !== null) context.responseHeader.set(answered, value);
      }
      context.responseTrailer.set("x-trailer", "end");
      return request;
    },
    fail({ code, message }) {
      throw new ConnectError(message, Code[camel(code)], undefined, [{ desc: Ping, value: detail }]);
    },
    sleep: () => never,
  };
  const handler = connectNodeAdapter({ routes: (router) => router.service(service, handlers) });
  const h2 = ["connect-node connect h2", "connect-node grpc h2"];
  await listen(http.createServer(handler), "http", "connect-node connect h1");
  await listen(http2.createServer(handler), "http", ...h2);
  await listen(https.createServer({ cert, key }, handler), "https", "connect-node-tls connect h1");
  await listen(http2.createSecureServer({ cert, key }, handler), "https", ...h2);
}

async function grpcJs() {
  const loaded = grpc.loadPackageDefinition(loader.loadSync(proto, { keepCase: true, longs: String }));
  const handlers = {
    Echo(call, callback) {
      const { metadata, request } = call;
      const [pushback] = metadata.get("x-pushback");
      const trailers = new grpc.Metadata();
      if (pushback && metadata.get("grpc-previous-rpc-attempts").length === 0) {
        trailers.set("grpc-retry-pushback-ms", pushback);
        return callback({ code: grpc.status.UNAVAILABLE, details: "not now", metadata: trailers });
      }
      const headers = new grpc.Metadata();
      for (const [asked, answered] of Object.entries(reflected))
        for (const value of metadata.get(asked)) headers.add(answered, value);
      call.sendMetadata(headers);
      trailers.set("x-trailer", "end");
      callback(null, request, trailers);
    },
    Fail({ request: { code, message } }, callback) {
      const number = Code[camel(code)];
      const metadata = new grpc.Metadata();
      metadata.set("grpc-status-details-bin", statusBytes(number, message));
      callback({ code: number, details: message, metadata });
    },
    Sleep: () => {},
  };
  const credentials = grpc.ServerCredentials;
  const pair = [{ cert_chain: cert, private_key: key }];
  for (const [name, scheme, how, options] of [
    ["grpc-js", "http", credentials.createInsecure(), {}],
    ["grpc-js-tls", "https", credentials.createSsl(null, pair), {}],
    ["grpc-js-going", "http", credentials.createInsecure(), { "grpc.max_connection_age_ms": 250 }],
  ]) {
    const server = new grpc.Server(options);
    server.addService(loaded.interop.v1.Interop.service, handlers);
    const bound = new Promise((done, failed) =>
      server.bindAsync("localhost:0", how, (error, port) => (error ? failed(error) : done(port))),
    );
    console.log(`${name} grpc h2 ${scheme}://localhost:${await bound}`);
  }
}

// A `google.rpc.Status` by hand: code, message, details.
function statusBytes(code, message) {
  const field = (number, bytes) => Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
  const any = Buffer.from(toBinary(AnySchema, anyPack(Ping, detail)));
  return Buffer.concat([Buffer.from([8, code]), field(2, Buffer.from(message)), field(3, any)]);
}

async function twirp() {
  const answer = (type, name) => async (context, _service, data) => {
    const isJson = context.contentType === twirpTs.TwirpContentType.JSON;
    const request = isJson ? fromJson(type, JSON.parse(data.toString() || "{}")) : fromBinary(type, data);
    if (name === "Sleep") await never;
    if (name === "Fail") {
      const error = new twirpTs.TwirpError(request.code, request.message);
      for (const [key, value] of Object.entries(request.meta)) error.withMeta(key, value);
      throw error;
    }
    for (const [asked, answered] of Object.entries(reflected))
      if (context.req.headers[asked]) context.res.setHeader(answered, context.req.headers[asked]);
    return isJson ? JSON.stringify(toJson(Ping, request)) : Buffer.from(toBinary(Ping, request));
  };
  const routes = { Echo: answer(Ping, "Echo"), Fail: answer(Failure, "Fail"), Sleep: answer(Ping, "Sleep") };
  const server = new twirpTs.TwirpServer({
    service: {},
    packageName: "interop.v1",
    serviceName: "Interop",
    methodList: Object.keys(routes),
    matchRoute: (method, events) => {
      if (!(method in routes)) return events.onNotFound();
      return async (...given) => {
        given[0] = { ...given[0], methodName: method };
        await events.onMatch(given[0]);
        return routes[method](...given);
      };
    },
  });
  await listen(http.createServer(server.httpHandler()), "http", "twirp-ts twirp h1");
}

// Servers that refuse and end streams as HTTP/2 lets them, which no RPC library does at will.
async function bareHttp2() {
  const answer = (stream) => {
    const chunks = [];
    stream.on("data", (chunk) => chunks.push(chunk));
    stream.on("end", () => {
      stream.respond({ ":status": 200, "content-type": "application/grpc+proto" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(Buffer.concat(chunks));
    });
  };
  // Every other stream is refused before it is read.
  const refusing = http2.createServer();
  let count = 0;
  refusing.on("stream", (stream) => {
    stream.on("error", () => {});
    if (count++ % 2 === 0) stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
    else answer(stream);
  });
  await listen(refusing, "http", "http2-refusing grpc h2");
  // Says so after every hundredth stream, and finishes what it has.
  const going = http2.createServer();
  going.on("session", (session) => {
    let streams = 0;
    session.on("error", () => {});
    session.on("stream", (stream) => {
      stream.on("error", () => {});
      answer(stream);
      if (++streams === 100) session.goaway(0, stream.id), session.close();
    });
  });
  await listen(going, "http", "http2-going grpc h2");
}

await connectNode();
await grpcJs();
await twirp();
await bareHttp2();
console.log();
