"""Has linters of others read the OpenAPI documents of a server, and holds its answers against them.

    check.py FOLDER URL URL_OF_A_SECOND_SERVER

FOLDER has `node_modules` with redocly and spectral. The first server is `interop_openapi`'s of every
form. Prints a line for each case, which begins with `ok` or `FAILED`.
"""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import OpenAPIV31SpecValidator

FOLDER, EVERY, BARE = Path(sys.argv[1]), *sys.argv[2:]


def case(name, test, *arguments):
    try:
        test(*arguments)
        print(f"ok openapi {name}", flush=True)
    except Exception as error:  # Whatever goes wrong is a failed case, not the end of the run.
        print(f"FAILED openapi {name}: {type(error).__name__}: {error}".replace("\n", " "), flush=True)


def fetched(url, **options):
    request = urllib.request.Request(url, **options)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers["content-type"], answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["content-type"], error.read()


# Linters


def told(tool, *arguments):
    program = FOLDER / "node_modules/.bin" / tool
    ended = subprocess.run([program.absolute(), *arguments], capture_output=True, text=True,
                           cwd=FOLDER)
    # It ends badly where it finds something, with the report on its output.
    assert ended.stdout.strip(), ended.stderr[:500]
    return json.loads(ended.stdout)


def redocly(name):
    problems = told("redocly", "lint", "--extends=recommended-strict", "--format=json", name)
    found = [f"{it['ruleId']} {it['location'][0]['pointer']}" for it in problems["problems"]]
    assert not found, f"{len(found)} problems: {found[:5]}"


def spectral(name):
    problems = told("spectral", "lint", "--quiet", "--format=json", "--fail-severity=hint",
                    "--ruleset=spectral.yaml", name)
    found = [f"{it['code']} {'/'.join(map(str, it['path']))}" for it in problems]
    assert not found, f"{len(found)} problems: {found[:5]}"


def valid(document):
    OpenAPIV31SpecValidator(document).validate()


def lint(kind, url):
    texts = {form: fetched(f"{url}/openapi.{form}")[2].decode() for form in ("json", "yaml")}
    document = json.loads(texts["json"])
    for form, text in texts.items():
        name = f"{kind}.{form}"
        (FOLDER / name).write_text(text)
        case(f"{name} redocly", redocly, name)
        case(f"{name} spectral", spectral, name)
        case(f"{name} openapi-spec-validator", valid,
             document if form == "json" else yaml.safe_load(text))
    case(f"{kind} the same in both forms", equal, yaml.safe_load(texts["yaml"]), document)
    return document


def equal(left, right):
    assert left == right, f"{left!r:.200} is not {right!r:.200}"


# Answers


def schema_errors(document, pointer, value):
    """`pointer` is the path of the schema in the document."""
    place = "/".join(part.replace("~", "~0").replace("/", "~1") for part in pointer)
    schema = {**document, "$schema": Draft202012Validator.META_SCHEMA["$id"], "$ref": f"#/{place}"}
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    return [f"{error.json_path}: {error.message:.200}" for error in validator.iter_errors(value)]


def resolved(document, pointer):
    """`pointer`, or where it refers to."""
    value = document
    for part in pointer:
        value = value[part]
    reference = value.get("$ref")
    return reference.removeprefix("#/").split("/") if reference else pointer


def call(document, path, body, status=200, by_get=False):
    """Calls a path as it is described, and checks the request and the answer by its schemas."""
    verb = "get" if by_get else "post"
    operation = ["paths", path, verb]
    if by_get:
        query = urlencode({"connect": "v1", "encoding": "json", "message": json.dumps(body)})
        answered, media, text = fetched(f"{EVERY}{path}?{query}")
    else:
        content = [*operation, "requestBody", "content", "application/json", "schema"]
        equal(schema_errors(document, content, body), [])
        headers = {"content-type": "application/json"}
        # The only parameter that a POST has to have.
        if "parameters" in document["paths"][path]["post"]:
            headers["connect-protocol-version"] = "1"
        data = json.dumps(body).encode()
        answered, media, text = fetched(EVERY + path, data=data, headers=headers, method="POST")
    equal((answered, media), (status, "application/json"))
    answer = resolved(document, [*operation, "responses", str(status)])
    equal(schema_errors(document, [*answer, "content", media, "schema"], json.loads(text)), [])
    return json.loads(text)


def wrong(document, path, body):
    """The schema refuses what the server refuses."""
    content = ["paths", path, "post", "requestBody", "content", "application/json", "schema"]
    assert schema_errors(document, content, body), "the schema has no objection"
    headers = {"content-type": "application/json"}
    equal(fetched(EVERY + path, data=json.dumps(body).encode(), headers=headers)[0], 400)


SCALARS = {
    "int32": -(2**31), "int64": "-9223372036854775808", "uint32": 2**32 - 1,
    "uint64": "18446744073709551615", "sint32": 1, "sint64": "-1", "fixed32": 1, "fixed64": "1",
    "sfixed32": -1, "sfixed64": "-1", "aFloat": 0.5, "aDouble": 1e300, "aBool": True,
    "aString": "naïve ✓", "aBytes": "AP8B", "aColour": "COLOUR_RED",
}
SHAPES = {
    "optionalInt": 0, "optionalText": "", "optionalColour": "COLOUR_NEGATIVE",
    "manyInts": ["1", "-2"], "manyColours": ["COLOUR_RED"], "manyShapes": [{}, {"oneInt": "3"}],
    "byText": {"a": "1"}, "byInt": {"-1": SCALARS}, "byBool": {"true": "COLOUR_RED"},
    "byLong": {"18446744073709551615": "AP8B"}, "oneShape": {"oneNull": None}, "fieldName": "f",
    "@custom \"name\"": "c", "old": "o", "child": {"oneDuration": "-1.500s", "isKind": True},
    "ofKind": {"inner": "i"},
}
KNOWN = {
    "timestamp": "2026-11-28T12:34:56.789Z", "duration": "3.000000001s", "mask": "aB,c.dE",
    "struct": {"a": [1, None, {"b": "c"}]}, "value": [True], "list": [1, "2"], "null": None,
    "any": {"@type": "type.googleapis.com/json.v1.Scalars", "int32": 1}, "empty": {},
    "boolValue": False, "int32Value": 0, "int64Value": "0", "uint32Value": 0, "uint64Value": "0",
    "floatValue": "NaN", "doubleValue": "-Infinity", "stringValue": "", "bytesValue": "",
    "values": [1, None, "a"], "times": ["1970-01-01T00:00:00Z"], "namedValues": {"a": None},
}
EVERYTHING = {
    "nested": {"kind": "KIND_DEEP", "kinds": {"k": "KIND_DEEP"}, "again": {"raw": "AA=="}},
    "parts": {"p": {"name": "part"}}, "blobs": {"-1": "AA=="}, "deep": {}, "maybe": 0,
    "numbers": ["-1"], "at": "2026-11-28T00:00:00Z", "colourOf": "COLOUR_RED",
}
CALLS = [
    ("json.v1.Forms/EchoScalars", SCALARS, SCALARS),
    ("json.v1.Forms/EchoScalars", {}, {}),
    ("json.v1.Forms/EchoScalars", {"aFloat": "Infinity", "aDouble": "NaN"}, None),
    ("json.v1.Forms/EchoShapes", SHAPES, SHAPES),
    ("json.v1.Forms/EchoKnown", KNOWN, None),
    ("shapes.v1.Keywords/Everything", EVERYTHING, EVERYTHING),
    ("shapes.v1.Keywords/Self", {"type": "a", "self": "b", "fn": "c"}, None),
    ("shapes.v1.Keywords/Nothing", {}, {}),
    ("outer.v1.Outward/Swap", {"part": {"name": "p"}, "kind": "const"}, None),
    ("type.v1.async.Mod/Move", {"where": {"loop": 1, "true": False}}, {"loop": 1, "true": False}),
    ("names.v1.Wide/GetUser", {"string": "s"}, {"vec": [{}]}),
    ("names.v1.Router/Route", {"result": {"ok": "o"}, "option": {"some": {}}}, None),
    ("echo.v1.Echo/Look", {}, None),
    ("Bare/Call", {"text": "t"}, {"text": "t"}),
    ("awkward.v1.Comments/Ask", {"text": "t"}, {"text": "t"}),
]
REFUSED = [
    ("json.v1.Forms/EchoScalars", {"aBool": "yes"}),
    ("json.v1.Forms/EchoScalars", {"uint32": -1}),
    ("json.v1.Forms/EchoShapes", {"oneText": "t", "oneInt": "1"}),
    ("json.v1.Forms/EchoShapes", {"byText": {"a": []}}),
    ("json.v1.Forms/EchoKnown", {"timestamp": "yesterday"}),
    ("json.v1.Forms/EchoKnown", {"duration": "1"}),
]
STATUSES = [
    ("invalid_argument", 400, 400), ("unauthenticated", 401, 401), ("permission_denied", 403, 403),
    ("not_found", 404, 404), ("already_exists", 409, 409), ("aborted", 409, 409),
    ("resource_exhausted", 429, 429), ("unimplemented", 501, 501), ("unavailable", 503, 503),
    ("canceled", 499, 408), ("deadline_exceeded", 504, 408), ("data_loss", 500, 500),
    ("internal", 500, 500), ("unknown", 500, 500), ("out_of_range", 400, 400),
    ("failed_precondition", 400, 412),
]


def answers(document):
    def calls(prefix, path, body, wanted):
        answer = call(document, prefix + path, body)
        if wanted is not None:
            equal(answer, wanted)

    for place, (path, body, wanted) in enumerate(CALLS):
        for protocol, prefix in [("connect", "/"), ("twirp", "/twirp/")]:
            case(f"{protocol} answer {place} {path}", calls, prefix, path, body, wanted)
    case("twirp answer under an alias", call, document, "/echo_svc/Echo", {"text": "t"})
    for path, body in [("echo.v1.Echo/Echo", {"text": "t"}), ("outer.v1.Outward/Give", {})]:
        case(f"connect answer to a GET {path}", call, document, f"/{path}", body, 200, True)
    for place, (path, body) in enumerate(REFUSED):
        case(f"refusal {place} {path}", wrong, document, f"/{path}", body)
    for code, connect, twirp in STATUSES:
        body = {"how": code, "message": "m", "meta": {"key": "v"}}
        for path, status in [("/echo.v1.Echo/Fail", connect), ("/twirp/echo.v1.Echo/Fail", twirp)]:
            case(f"{path} {code}", call, document, path, body, status)


every = lint("every", EVERY)
lint("bare", BARE)
answers(every)
