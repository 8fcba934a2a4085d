// Node's clients against the interop example: connect-node, grpc-js, protobuf-ts, twirp-ts, buf.
//
//     clients.mjs PLAIN_URL TLS_URL CERTIFICATE_FILE PROTO_FILE, in the folder with node_modules
//
// Prints a line for each case, which begins with `ok` or `FAILED`.

import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { createFileRegistry, create, equals, fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { compressionGzip, createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";
import { MessageType } from "@protobuf-ts/runtime";
import { RpcError, ServiceType, UnaryCall } from "@protobuf-ts/runtime-rpc";
import { TwirpFetchTransport } from "@protobuf-ts/twirp-transport";
import twirpTs from "twirp-ts";

const [plain, tls, certificateFile, proto] = process.argv.slice(2);
const certificate = readFileSync(certificateFile);
const folder = proto.replace(/[^/]*$/, "");
const buf = "node_modules/.bin/buf";

const image = execFileSync(buf, ["build", folder, "--as-file-descriptor-set", "-o", "-"]);
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
const service = registry.getService("interop.v1.Interop");
const Ping = registry.getMessage("interop.v1.Ping");

const message = "100 % of 'naïve' \t ✓";
const wanted = {
  text: message,
  data: Buffer.alloc(20_000, "mcsv").toString("base64"),
  number: "-9223372036854775808",
  at: "2026-11-28T12:34:56.789Z",
  colours: ["COLOUR_UNSPECIFIED", "COLOUR_RED", 7],
};
const ping = fromJson(Ping, wanted);
const failure = (code) => ({ code, message, meta: { key: "välue" } });
const snake = (name) => name.replace(/(?<=[a-z])(?=[A-Z])/g, "_").toLowerCase();
const codes = Object.values(Code).filter((code) => typeof code === "number");
const names = codes.map((code) => snake(Code[code]));

async function check(name, test) {
  try {
    await test();
    console.log(`ok node ${name}`);
  } catch (error) {
    console.log(`FAILED node ${name}: ${error}`.replaceAll("\n", " "));
  }
}

async function rejected(call) {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error("no error came");
}

async function connectNode() {
  const kinds = [
    ["connect", "1.1", createConnectTransport],
    ["connect", "2", createConnectTransport],
    ["grpc", "2", createGrpcTransport],
  ];
  for (const [protocol, httpVersion, make] of kinds)
    for (const [secure, baseUrl] of [["", plain], [" tls", tls]])
      for (const codec of ["proto", "json"])
        for (const [packed, sendCompression] of [["", undefined], [" gzip", compressionGzip]]) {
          const acceptCompression = sendCompression ? [compressionGzip] : [];
          const nodeOptions = secure ? { ca: certificate } : {};
          const options = { baseUrl, httpVersion, nodeOptions, sendCompression, acceptCompression };
          options.useBinaryFormat = codec === "proto";
          const name = `connect-node ${protocol} ${codec} h${httpVersion[0]}${secure}${packed}`;
          await connectCases(name, createClient(service, make(options)));
          if (protocol === "connect") {
            const getter = createClient(service, make({ ...options, useHttpGet: true }));
            await check(`${name} get`, async () => assert(equals(Ping, await getter.echo(ping), ping)));
          }
        }
}

async function connectCases(name, client) {
  await check(`${name} echo`, async () => {
    let headers;
    const onHeader = (got) => (headers = got);
    const answer = await client.echo(ping, { headers: { "x-reflect": "a b" }, onHeader });
    assert(equals(Ping, answer, ping));
    assert.equal(headers.get("x-reflected"), "a b");
  });
  for (const code of codes)
    await check(`${name} ${snake(Code[code])}`, async () => {
      const error = ConnectError.from(await rejected(() => client.fail(failure(snake(Code[code])))));
      assert.deepEqual([error.code, error.rawMessage], [code, message]);
      assert.equal(error.findDetails(registry)[0]?.text ?? error.findDetails(Ping)[0].text, "detail");
    });
  await check(`${name} deadline`, async () => {
    const error = await rejected(() => client.sleep(ping, { timeoutMs: 200 }));
    assert.equal(ConnectError.from(error).code, Code.DeadlineExceeded);
  });
}

async function grpcJs() {
  const options = { keepCase: true, longs: String, enums: String };
  const loaded = grpc.loadPackageDefinition(loader.loadSync(proto, options));
  const kinds = [
    ["", plain, grpc.credentials.createInsecure()],
    [" tls", tls, grpc.credentials.createSsl(certificate)],
  ];
  for (const [secure, url, credentials] of kinds)
    for (const [packed, algorithm] of [["", 0], [" gzip", 2]]) {
      const name = `grpc-js grpc proto h2${secure}${packed}`;
      const channel = { "grpc.default_compression_algorithm": algorithm };
      const client = new loaded.interop.v1.Interop(new URL(url).host, credentials, channel);
      const call = (method, request, metadata = new grpc.Metadata(), options = {}) =>
        new Promise((resolve, reject) => {
          const done = (error, answer) => (error ? reject(error) : resolve([answer, headers]));
          let headers;
          client[method](request, metadata, options, done).on("metadata", (got) => (headers = got));
        });
      await check(`${name} echo`, async () => {
        const metadata = new grpc.Metadata();
        metadata.set("x-reflect-bin", Buffer.from([0, 255, 1]));
        const request = { text: message, data: Buffer.from(wanted.data, "base64"), number: "-5" };
        const [answer, headers] = await call("Echo", request, metadata);
        assert.deepEqual([answer.text, answer.data, answer.number], Object.values(request));
        assert.deepEqual(headers.get("x-reflected-bin"), [Buffer.from([0, 255, 1])]);
      });
      for (const [i, code] of codes.entries())
        await check(`${name} ${names[i]}`, async () => {
          const error = await rejected(() => call("Fail", failure(names[i])));
          assert.deepEqual([error.code, error.details], [code, message]);
          assert.equal(error.metadata.get("grpc-status-details-bin").length, 1);
        });
      await check(`${name} deadline`, async () => {
        const options = { deadline: Date.now() + 200 };
        const error = await rejected(() => call("Sleep", {}, new grpc.Metadata(), options));
        assert.equal(error.code, grpc.status.DEADLINE_EXCEEDED);
      });
      client.close();
    }
}

async function protobufTs() {
  const scalar = (no, name, T) => ({ no, name, kind: "scalar", T });
  const Text = new MessageType("interop.v1.Ping", [scalar(1, "text", 9), scalar(2, "data", 12), scalar(3, "number", 3)]);
  const Failure = new MessageType("interop.v1.Failure", [
    scalar(1, "code", 9),
    scalar(2, "message", 9),
    { no: 3, name: "meta", kind: "map", K: 9, V: { kind: "scalar", T: 9 } },
  ]);
  const Interop = new ServiceType("interop.v1.Interop", [
    { name: "Echo", options: {}, I: Text, O: Text },
    { name: "Fail", options: {}, I: Failure, O: Text },
  ]);
  const [echo, fail] = Interop.methods;
  for (const [codec, sendJson] of [["proto", false], ["json", true]]) {
    // Its fetch takes no authority of its own, so it goes without TLS; it always accepts gzip.
    const transport = new TwirpFetchTransport({ baseUrl: `${plain}/twirp`, sendJson });
    const name = `protobuf-ts twirp ${codec} h1 gzip`;
    await check(`${name} echo`, async () => {
      const request = { text: message, data: new Uint8Array(20_000), number: "-5" };
      const { response } = await transport.unary(echo, request, transport.mergeOptions({}));
      assert(Text.equals(response, request));
    });
    for (const code of [...names, "bad_route", "malformed"])
      await check(`${name} ${code}`, async () => {
        const request = Failure.create(failure(code));
        const error = await rejected(() => transport.unary(fail, request, transport.mergeOptions({})));
        assert.deepEqual([error.code, error.message, error.meta.key], [code, message, "välue"]);
      });
  }
}

async function twirpTsCases() {
  for (const [secure, url] of [["", plain], [" tls", tls]]) {
    const rpc = twirpTs.NodeHttpRPC({ baseUrl: `${url}/twirp`, ca: certificate });
    const name = (codec) => `twirp-ts twirp ${codec} h1${secure}`;
    await check(`${name("json")} echo`, async () => {
      assert.deepEqual(await rpc.request(service.typeName, "Echo", "application/json", wanted), wanted);
    });
    await check(`${name("proto")} echo`, async () => {
      const bytes = toBinary(Ping, ping);
      const answer = await rpc.request(service.typeName, "Echo", "application/protobuf", bytes);
      assert.deepEqual(toJson(Ping, fromBinary(Ping, answer)), wanted);
    });
    for (const code of [...names, "bad_route", "malformed"])
      await check(`${name("json")} ${code}`, async () => {
        const request = () => rpc.request(service.typeName, "Fail", "application/json", failure(code));
        const error = await rejected(request);
        assert.deepEqual([error.code, error.msg, error.getMeta("key")], [code, message, "välue"]);
      });
  }
}

async function bufCurl() {
  const kinds = [["connect", []], ["connect", ["--http2-prior-knowledge"]], ["grpc", ["--http2-prior-knowledge"]]];
  for (const [protocol, options] of kinds)
    for (const [secure, url, more] of [["", plain, options], [" tls", tls, ["--cacert", certificateFile]]]) {
      const name = `buf ${protocol} proto ${options.length || secure ? "h2" : "h1"}${secure}`;
      const curl = (method, data) => {
        const target = `${url}/${service.typeName}/${method}`;
        const flags = ["curl", "--schema", folder, "--protocol", protocol, ...more];
        return promisify(execFile)(buf, [...flags, "-d", JSON.stringify(data), target]);
      };
      await check(`${name} echo`, async () => {
        assert.deepEqual(JSON.parse((await curl("Echo", wanted)).stdout), wanted);
      });
      await check(`${name} not_found`, async () => {
        const error = JSON.parse((await rejected(() => curl("Fail", failure("not_found")))).stderr);
        assert.deepEqual([error.code, error.message], ["not_found", message]);
      });
    }
}

await connectNode();
await grpcJs();
await protobufTs();
await twirpTsCases();
await bufCurl();
process.exit(0);
