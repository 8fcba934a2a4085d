"""Python's clients against the interop example: grpcio, connect-python and twirp.

    clients.py PLAIN_URL TLS_URL CERTIFICATE_FILE PROTO_FILE FOLDER_FOR_GENERATED_CODE

Prints a line for each case, which begins with `ok` or `FAILED`.
"""

import sys
from pathlib import Path

import grpc
import pyqwest
from connectrpc.client import ConnectClientSync
from connectrpc.code import Code
from connectrpc.errors import ConnectError
from connectrpc.method import IdempotencyLevel, MethodInfo
from connectrpc.protocol import ProtocolType
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from grpc_tools import protoc
from twirp.context import Context
from twirp.client import TwirpClient
from twirp.exceptions import TwirpServerException

PLAIN, TLS, CERTIFICATE, PROTO, OUT = sys.argv[1:]
if protoc.main(["", f"-I{Path(PROTO).parent}", f"--python_out={OUT}", f"--grpc_python_out={OUT}",
                f"-I{Path(protoc.__file__).parent / '_proto'}", PROTO]):
    sys.exit("interop.proto does not compile")
sys.path.insert(0, OUT)
import interop_pb2 as pb  # noqa: E402
import interop_pb2_grpc  # noqa: E402

SERVICE = "interop.v1.Interop"
MESSAGE = "100 % of 'naïve' \t ✓"
# The bytes make the answer long enough to be worth compressing.
PING = pb.Ping(text=MESSAGE, data=bytes(range(256)) * 64, number=-(2**63), colours=[0, 1, 7])
PING.at.FromJsonString("2026-11-28T12:34:56.789Z")
CODES = [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK]


def case(name, test, *arguments):
    try:
        test(*arguments)
        print(f"ok python {name}")
    except Exception as error:  # Whatever goes wrong is a failed case, not the end of the run.
        print(f"FAILED python {name}: {type(error).__name__}: {error}".replace("\n", " "))


def equal(left, right):
    assert left == right, f"{left!r:.200} is not {right!r:.200}"


def raised(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError("no error came")


def spelled(code):
    """The name of a code as the protocols write it, which is not quite gRPC's own."""
    return code.name.lower().replace("cancelled", "canceled")


def failure(code):
    return pb.Failure(code=code, message=MESSAGE, meta={"key": "välue"})


# grpcio


def grpc_echo(stub, compression):
    headers = (("x-reflect", "a b"), ("x-reflect-bin", b"\x00\xff\x01"))
    answer, call = stub.Echo.with_call(PING, metadata=headers, compression=compression, timeout=9)
    equal(answer, PING)
    got = dict(call.initial_metadata())
    equal((got["x-reflected"], got["x-reflected-bin"]), ("a b", b"\x00\xff\x01"))


def grpc_fail(stub, code):
    error = raised(grpc.RpcError, lambda: stub.Fail(failure(spelled(code))))
    equal((error.code(), error.details()), (code, MESSAGE))
    details = rpc_status.from_call(error).details
    ping, info = pb.Ping(), error_details_pb2.ErrorInfo()
    assert any(detail.Unpack(ping) for detail in details) and ping.text == "detail", details
    assert any(detail.Unpack(info) for detail in details), details
    equal(info.metadata["key"], "välue")


def grpc_deadline(stub):
    error = raised(grpc.RpcError, lambda: stub.Sleep(PING, timeout=0.2))
    equal(error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)


def grpc_unimplemented(channel, path):
    call = channel.unary_unary(path, pb.Ping.SerializeToString, pb.Ping.FromString)
    equal(raised(grpc.RpcError, lambda: call(PING)).code(), grpc.StatusCode.UNIMPLEMENTED)


def grpcio():
    secure = grpc.ssl_channel_credentials(Path(CERTIFICATE).read_bytes())
    for name, channel in [
        ("h2", grpc.insecure_channel(PLAIN.removeprefix("http://"))),
        ("h2 tls", grpc.secure_channel(TLS.removeprefix("https://"), secure)),
    ]:
        stub = interop_pb2_grpc.InteropStub(channel)
        name = f"grpcio grpc proto {name}"
        case(f"{name} echo", grpc_echo, stub, grpc.Compression.NoCompression)
        case(f"{name} gzip echo", grpc_echo, stub, grpc.Compression.Gzip)
        for code in CODES:
            case(f"{name} {code.name.lower()}", grpc_fail, stub, code)
        case(f"{name} deadline", grpc_deadline, stub)
        case(f"{name} unknown method", grpc_unimplemented, channel, f"/{SERVICE}/Nothing")
        case(f"{name} unknown service", grpc_unimplemented, channel, "/no.Service/Nothing")


# connect-python


def method(name, request, idempotency):
    return MethodInfo(name=name, service_name=SERVICE, input=request, output=pb.Ping,
                      idempotency_level=idempotency)


ECHO = method("Echo", pb.Ping, IdempotencyLevel.NO_SIDE_EFFECTS)
FAIL = method("Fail", pb.Failure, IdempotencyLevel.UNKNOWN)
SLEEP = method("Sleep", pb.Ping, IdempotencyLevel.UNKNOWN)


def connect_echo(client, use_get):
    headers = {"x-reflect": "a b"}
    equal(client.execute_unary(request=PING, method=ECHO, headers=headers, use_get=use_get), PING)


def connect_fail(client, code):
    call = lambda: client.execute_unary(request=failure(code.value), method=FAIL)  # noqa: E731
    error = raised(ConnectError, call)
    equal((error.code, error.message), (code, MESSAGE))
    ping = pb.Ping()
    assert any(detail.Unpack(ping) for detail in error.details) and ping.text == "detail"


def connect_deadline(client):
    call = lambda: client.execute_unary(request=PING, method=SLEEP, timeout_ms=200)  # noqa: E731
    equal(raised(ConnectError, call).code, Code.DEADLINE_EXCEEDED)


def connect_python():
    certificate = Path(CERTIFICATE).read_bytes()
    for protocol in [ProtocolType.CONNECT, ProtocolType.GRPC]:
        versions = [("h1", pyqwest.HTTPVersion.HTTP1), ("h2", pyqwest.HTTPVersion.HTTP2)]
        # gRPC is not spoken over HTTP/1.1.
        for version, number in versions[protocol is ProtocolType.GRPC:]:
            for tls, url, authority in [("", PLAIN, None), (" tls", TLS, certificate)]:
                for codec in ["proto", "json"]:
                    transport = pyqwest.SyncHTTPTransport(
                        http_version=number, tls_ca_cert=authority)
                    client = lambda **options: ConnectClientSync(  # noqa: E731
                        url, protocol=protocol, proto_json=codec == "json",
                        http_client=pyqwest.SyncClient(transport), **options)
                    name = protocol.name.lower()
                    name = f"connect-python {name} {codec} {version}{tls}"
                    plain = client(send_compression=None, accept_compression=())
                    case(f"{name} echo", connect_echo, plain, False)
                    case(f"{name} gzip echo", connect_echo, client(), False)
                    if protocol is ProtocolType.CONNECT:
                        case(f"{name} get", connect_echo, plain, True)
                        case(f"{name} gzip get", connect_echo, client(), True)
                    for code in Code:
                        case(f"{name} {code.value}", connect_fail, plain, code)
                    case(f"{name} deadline", connect_deadline, plain)


# twirp


def twirp_call(client, name, request, **options):
    return client._make_request(url=f"/twirp/{SERVICE}/{name}", ctx=Context(), request=request,
                                response_obj=pb.Ping, **options)


def twirp_echo(client, options):
    equal(twirp_call(client, "Echo", PING, **options), PING)


def twirp_fail(client, code, options):
    call = lambda: twirp_call(client, "Fail", failure(code), **options)  # noqa: E731
    error = raised(TwirpServerException, call)
    told = error.code.value
    equal((told, error.message, error.meta["key"]), (code, MESSAGE, "välue"))


def twirp_bad_route(client, options):
    error = raised(TwirpServerException, lambda: twirp_call(client, "Nothing", PING, **options))
    equal(error.code.value, "bad_route")


def twirp():
    for name, url, options in [("h1", PLAIN, {}), ("h1 tls", TLS, {"verify": CERTIFICATE})]:
        client, name = TwirpClient(url), f"twirp twirp proto {name}"
        # requests asks for gzip unless told not to.
        case(f"{name} gzip echo", twirp_echo, client, options)
        case(f"{name} echo", twirp_echo, client, {**options, "headers": {"accept-encoding": ""}})
        for code in [*map(spelled, CODES), "malformed", "bad_route"]:
            case(f"{name} {code}", twirp_fail, client, code, options)
        case(f"{name} unknown method", twirp_bad_route, client, options)


grpcio()
connect_python()
twirp()
