"""Python's servers for the client of this crate: grpcio, connect-python and twirp.

    servers.py CERTIFICATE_FILE KEY_FILE PROTO_FILE FOLDER_FOR_GENERATED_CODE

Prints `NAME PROTOCOL HTTP_VERSION URL` for each server, an empty line, and serves until it is killed.
"""

import asyncio
import socket
import sys
from concurrent import futures
from pathlib import Path

import grpc
from connectrpc.code import Code
from connectrpc.errors import ConnectError
from connectrpc.method import IdempotencyLevel, MethodInfo
from connectrpc.server import ConnectASGIApplication, Endpoint
from google.protobuf import any_pb2
from google.rpc import status_pb2
from grpc_status import rpc_status
from grpc_tools import protoc
from hypercorn.asyncio import serve
from hypercorn.config import Config
from twirp.asgi import TwirpASGIApp
from twirp.base import Endpoint as TwirpEndpoint
from twirp.errors import Errors
from twirp.exceptions import TwirpServerException
from twirp.server import TwirpServer

CERTIFICATE, KEY, PROTO, OUT = sys.argv[1:]
if protoc.main(["", f"-I{Path(PROTO).parent}", f"--python_out={OUT}", f"--grpc_python_out={OUT}",
                f"-I{Path(protoc.__file__).parent / '_proto'}", PROTO]):
    sys.exit("interop.proto does not compile")
sys.path.insert(0, OUT)
import interop_pb2 as pb  # noqa: E402
import interop_pb2_grpc  # noqa: E402

SERVICE = "interop.v1.Interop"
REFLECTED = {"x-reflect": "x-reflected", "x-reflect-bin": "x-reflected-bin"}


def detail():
    packed = any_pb2.Any()
    packed.Pack(pb.Ping(text="detail"))
    return packed


# grpcio


class Grpc(interop_pb2_grpc.InteropServicer):
    def Echo(self, request, context):
        asked = dict(context.invocation_metadata())
        pushback = asked.get("x-pushback")
        if pushback and "grpc-previous-rpc-attempts" not in asked:
            context.set_trailing_metadata((("grpc-retry-pushback-ms", pushback),))
            context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        context.send_initial_metadata(
            [(answered, asked[name]) for name, answered in REFLECTED.items() if name in asked])
        context.set_trailing_metadata((("x-trailer", "end"),))
        return request

    def Fail(self, request, context):
        names = {code.name.lower(): code for code in grpc.StatusCode}
        code = names[request.code.replace("canceled", "cancelled")]
        status = status_pb2.Status(code=code.value[0], message=request.message, details=[detail()])
        context.abort_with_status(rpc_status.to_status(status))

    def Sleep(self, request, context):
        ended = futures.Future()
        if context.add_callback(lambda: ended.set_result(None)):
            ended.result()
        return request


def grpcio():
    secure = grpc.ssl_server_credentials([(Path(KEY).read_bytes(), Path(CERTIFICATE).read_bytes())])
    kinds = [
        ("grpcio", None, grpc.Compression.NoCompression, []),
        ("grpcio-tls", secure, grpc.Compression.Gzip, []),
        # It sends GOAWAY again and again, while calls are under way.
        ("grpcio-going", None, grpc.Compression.NoCompression,
         [("grpc.max_connection_age_ms", 250), ("grpc.max_connection_age_grace_ms", 5000)]),
    ]
    for name, credentials, compression, options in kinds:
        server = grpc.server(futures.ThreadPoolExecutor(32), compression=compression,
                             options=[("grpc.so_reuseport", 0), *options])
        interop_pb2_grpc.add_InteropServicer_to_server(Grpc(), server)
        if credentials:
            port = server.add_secure_port("127.0.0.1:0", credentials)
            url = f"https://localhost:{port}"
        else:
            url = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        server.start()
        yield server
        print(name, "grpc", "h2", url, flush=True)


# connect-python


class Connect:
    async def echo(self, request, context):
        asked = context.request_headers()
        for name, answered in REFLECTED.items():
            if asked.get(name):
                context.response_headers()[answered] = asked[name]
        context.response_trailers()["x-trailer"] = "end"
        return request

    async def fail(self, request, _context):
        raise ConnectError(Code(request.code), request.message, details=[pb.Ping(text="detail")])

    async def sleep(self, _request, _context):
        await asyncio.Event().wait()


class ConnectApplication(ConnectASGIApplication):
    path = f"/{SERVICE}"

    def __init__(self, service):
        def unary(name, request, function, level=IdempotencyLevel.UNKNOWN):
            method = MethodInfo(name=name, service_name=SERVICE, input=request, output=pb.Ping,
                                idempotency_level=level)
            return f"/{SERVICE}/{name}", Endpoint.unary(method=method, function=function)

        super().__init__(service=service, endpoints=lambda service: dict([
            unary("Echo", pb.Ping, service.echo, IdempotencyLevel.NO_SIDE_EFFECTS),
            unary("Fail", pb.Failure, service.fail),
            unary("Sleep", pb.Ping, service.sleep),
        ]))


# twirp


class Twirp:
    async def Echo(self, context, request):
        asked = context.get("raw_headers")
        for name, answered in REFLECTED.items():
            if name in asked:
                context.set_response_header(answered, asked[name])
        return request

    async def Fail(self, _context, request):
        code = next(code for code in Errors if code.value == request.code)
        raise TwirpServerException(code=code, message=request.message, meta=dict(request.meta))

    async def Sleep(self, _context, _request):
        await asyncio.Event().wait()


class TwirpService(TwirpServer):
    def __init__(self, service):
        super().__init__(service=service)
        self._prefix = f"/twirp/{SERVICE}"
        self._endpoints = {
            name: TwirpEndpoint(service_name="Interop", name=name, function=getattr(service, name),
                                input=request, output=pb.Ping)
            for name, request in [("Echo", pb.Ping), ("Fail", pb.Failure), ("Sleep", pb.Ping)]
        }


async def asgi():
    connect, twirp = ConnectApplication(Connect()), TwirpASGIApp()
    twirp.add_service(TwirpService(Twirp()))
    for app, names in [(connect, ["connect-python connect h1", "connect-python connect h2",
                                  "connect-python grpc h2"]),
                       (twirp, ["twirp twirp h1"])]:
        listener = socket.create_server(("127.0.0.1", 0))
        config = Config()
        config.bind, config.loglevel = [f"fd://{listener.fileno()}"], "CRITICAL"
        for name in names:
            print(f"{name} http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        yield listener, serve(app, config)


async def main():
    running, kept = [], list(grpcio())
    async for listener, server in asgi():
        kept.append(listener)
        running.append(asyncio.create_task(server))
    print(flush=True)
    await asyncio.gather(*running)


asyncio.run(main())
