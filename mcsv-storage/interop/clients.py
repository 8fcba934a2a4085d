"""Others' clients beside mcsv-storage: one signs what the other checks, one reads what the other wrote.

    clients.py OBJECTS ENDPOINT ID SECRET SERVER TRAITS

OBJECTS is the program of examples/objects.rs; ENDPOINT is a server of the S3 protocol with a bucket
named "bucket", and SERVER its name. TRAITS are words joined by commas: "enforces" if it checks
signatures, else only what must pass is tried there; "lists-uploads" if it tells which uploads in parts
are incomplete, and when they began. Each line of the output begins with ok or FAILED.
"""

import asyncio
import base64
import datetime
import hashlib
import os
import subprocess
import sys
import tempfile
import unittest.mock
import urllib.error
import urllib.parse
import urllib.request

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.config
import botocore.credentials
import opendal

OBJECTS, ENDPOINT, ID, SECRET, SERVER, TRAITS = sys.argv[1:]
TRAITS = TRAITS.split(",")
STORE = "s3://bucket?" + urllib.parse.urlencode({
    "endpoint": ENDPOINT,
    "access_key_id": ID,
    "secret_access_key": SECRET,
})
AWS = {
    **os.environ,
    "AWS_ACCESS_KEY_ID": ID,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
LARGE = bytes(range(256)) * 4 * 1024 * 12  # 12 MiB: more than one part

client = boto3.client(
    "s3",
    endpoint_url=ENDPOINT,
    region_name="us-east-1",
    aws_access_key_id=ID,
    aws_secret_access_key=SECRET,
    config=botocore.config.Config(signature_version="s3v4", s3={"addressing_style": "path"}),
)
failed = 0


def case(run):
    """Runs a case at once, by its name."""
    global failed
    try:
        run()
        print("ok", f"{SERVER}: {run.__name__}")
    except Exception as error:  # a case that breaks off has failed, whatever the reason
        failed += 1
        print("FAILED", f"{SERVER}: {run.__name__}: {type(error).__name__}: {error}")


def enforced(run):
    if "enforces" in TRAITS:
        case(run)


def ours(*words):
    done = subprocess.run([OBJECTS, STORE, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def sign(*words):
    """The method, URL and headers of a request that mcsv-storage signed."""
    first, *rest = ours(*words).splitlines()
    method, url = first.split(" ", 1)
    return method, url, dict(line.split(": ", 1) for line in rest)


def send(method, url, headers=None, body=None):
    """Only what is given is sent: urllib would add a content-type of its own."""
    request = urllib.request.Request(url, data=body, method=method)
    sent = {name.capitalize(): value for name, value in (headers or {}).items()}
    if body is not None and "Content-type" not in sent:
        request.add_unredirected_header("Content-type", "")
    for name, value in sent.items():
        request.add_unredirected_header(name, value)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def file_with(content):
    file = tempfile.NamedTemporaryFile(delete=False)
    file.write(content)
    file.close()
    return file.name


def aws(*words):
    script = os.path.join(os.path.dirname(sys.executable), "aws")
    command = [sys.executable, script, "--endpoint-url", ENDPOINT, *words]
    done = subprocess.run(command, capture_output=True, text=True, env=AWS)
    assert done.returncode == 0, done.stderr
    return done.stdout


# opendal by its own binding for Python, with its own signer.
theirs = opendal.Operator(
    "s3",
    bucket="bucket",
    endpoint=ENDPOINT,
    region="us-east-1",
    access_key_id=ID,
    secret_access_key=SECRET,
    disable_config_load="true",
)


def botocore_signs(method, url, headers, second, expires):
    """The URL that botocore makes of the same request at the same second."""
    request = botocore.awsrequest.AWSRequest(method=method, url=url, headers=headers)
    credentials = botocore.credentials.Credentials(ID, SECRET)
    then = datetime.datetime.fromtimestamp(second, datetime.timezone.utc)
    signer = botocore.auth.S3SigV4QueryAuth(credentials, "s3", "us-east-1", expires=expires)
    with unittest.mock.patch.object(
        botocore.auth, "get_current_datetime", lambda *_, **__: then.replace(tzinfo=None)
    ):
        signer.add_auth(request)
    return request.url


def parts(url):
    split = urllib.parse.urlsplit(url)
    return split.scheme, split.netloc, split.path, sorted(urllib.parse.parse_qsl(split.query))


def same_as_botocore(*words):
    method, url, headers = sign(*words, "at=1767225600", "expires=600")
    split = urllib.parse.urlsplit(url)
    bare = [(n, v) for n, v in urllib.parse.parse_qsl(split.query) if not n.startswith("X-Amz-")]
    query = urllib.parse.urlencode(bare, quote_via=urllib.parse.quote)
    bare = urllib.parse.urlunsplit((*split[:3], query, ""))
    theirs = botocore_signs(method, bare, headers, 1767225600, 600)
    assert parts(theirs) == parts(url), f"{theirs}\n{url}"


@case
def botocore_signs_our_get_alike():
    same_as_botocore("sign-get", "a/b-c_d.txt")


@case
def botocore_signs_our_get_with_a_file_name_alike():
    same_as_botocore("sign-get", "a/b.txt", "filename=ä b+c.pdf", "type=application/pdf")


@case
def botocore_signs_our_put_alike():
    same_as_botocore("sign-put", "a/b.txt")


@case
def botocore_signs_our_put_with_every_demand_alike():
    digest = hashlib.sha256(b"hello").hexdigest()
    same_as_botocore("sign-put", "a/b.png", "type=image/png", "len=5", f"sha256={digest}", "create=only")


@case
def boto3_reads_what_we_put():
    ours("put", "put/a.txt", file_with(b"hello"), "type=text/plain", "job=17")
    found = client.get_object(Bucket="bucket", Key="put/a.txt")
    assert found["Body"].read() == b"hello"
    assert found["ContentType"] == "text/plain", found
    assert found["Metadata"]["mcsv-meta-job"] == "17", found
    assert found["Metadata"]["mcsv-sha256"] == hashlib.sha256(b"hello").hexdigest(), found


@case
def boto3_reads_what_we_put_in_parts():
    ours("put", "put/large", file_with(LARGE))
    assert client.get_object(Bucket="bucket", Key="put/large")["Body"].read() == LARGE


@case
def we_read_what_boto3_put():
    client.put_object(Bucket="bucket", Key="theirs/a.txt", Body=b"hello", ContentType="text/plain")
    target = file_with(b"")
    ours("get", "theirs/a.txt", target)
    assert open(target, "rb").read() == b"hello"
    assert "text/plain" in ours("stat", "theirs/a.txt")


@case
def we_read_what_boto3_put_in_parts():
    client.upload_file(file_with(LARGE), "bucket", "theirs/large")
    target = file_with(b"")
    ours("get", "theirs/large", target)
    assert open(target, "rb").read() == LARGE


@case
def awscli_copies_what_we_put_and_we_read_what_it_copied():
    ours("put", "cli/a.txt", file_with(b"hello"))
    target = file_with(b"")
    aws("s3", "cp", "s3://bucket/cli/a.txt", target)
    assert open(target, "rb").read() == b"hello"
    aws("s3", "cp", file_with(LARGE), "s3://bucket/cli/large")
    ours("get", "cli/large", target)
    assert open(target, "rb").read() == LARGE


@case
def awscli_and_we_list_alike():
    ours("put", "ls/one", file_with(b"1"))
    aws("s3", "cp", file_with(b"22"), "s3://bucket/ls/two")
    theirs = [line.split()[2:] for line in aws("s3", "ls", "s3://bucket/ls/").splitlines()]
    mine = [line.split() for line in ours("list", "ls/").splitlines()]
    assert theirs == [["1", "one"], ["2", "two"]], theirs
    assert mine == [["1", "ls/one"], ["2", "ls/two"]], mine


@case
def awscli_deletes_what_we_put_and_we_what_it_put():
    ours("put", "rm/one", file_with(b"1"))
    aws("s3", "rm", "s3://bucket/rm/one")
    aws("s3", "cp", file_with(b"2"), "s3://bucket/rm/two")
    ours("delete", "rm/two")
    assert ours("list", "rm/") == ""


@case
def the_url_of_awscli_reads_what_our_url_wrote():
    method, url, headers = sign("sign-put", "signed/a.txt", "type=text/plain", "len=5")
    assert send(method, url, headers, b"hello")[0] == 200
    theirs = aws("s3", "presign", "s3://bucket/signed/a.txt").strip()
    assert send("GET", theirs)[2] == b"hello"


@case
def our_url_reads_what_the_url_of_boto3_wrote():
    put = client.generate_presigned_url("put_object", {"Bucket": "bucket", "Key": "signed/b.txt"})
    assert send("PUT", put, {}, b"hello")[0] == 200
    method, url, headers = sign("sign-get", "signed/b.txt", "filename=b.txt", "type=text/plain")
    status, headers, body = send(method, url, headers)
    assert (status, body) == (200, b"hello")
    assert headers["content-type"] == "text/plain", headers
    assert headers["content-disposition"].startswith("attachment"), headers
    assert send(method, url, {"range": "bytes=1-2"})[2] == b"el"


@case
def opendal_reads_and_lists_what_we_put():
    ours("put", "opendal/a.txt", file_with(b"hello"), "type=text/plain")
    ours("put", "opendal/large", file_with(LARGE))
    assert bytes(theirs.read("opendal/a.txt")) == b"hello"
    assert bytes(theirs.read("opendal/large")) == LARGE
    found = theirs.stat("opendal/a.txt")
    assert (found.content_length, found.content_type) == (5, "text/plain")
    names = sorted(entry.path for entry in theirs.list("opendal/"))
    assert [name for name in names if name != "opendal/"] == ["opendal/a.txt", "opendal/large"]


@case
def we_read_list_and_delete_what_opendal_wrote():
    theirs.write("from-opendal/a.txt", b"hello")
    theirs.write("from-opendal/large", LARGE)
    target = file_with(b"")
    for key, content in [("from-opendal/a.txt", b"hello"), ("from-opendal/large", LARGE)]:
        ours("get", key, target)
        assert open(target, "rb").read() == content
    sizes = [line.split() for line in ours("list", "from-opendal/").splitlines()]
    assert sizes == [["5", "from-opendal/a.txt"], [str(len(LARGE)), "from-opendal/large"]], sizes
    ours("delete", "from-opendal/a.txt")
    assert not theirs.exists("from-opendal/a.txt")


@case
def opendal_and_our_urls_read_what_the_other_wrote():
    method, url, headers = sign("sign-put", "signed/ours", "type=text/plain", "len=5")
    assert send(method, url, headers, b"hello")[0] == 200
    assert bytes(theirs.read("signed/ours")) == b"hello"
    theirs.write("signed/theirs", b"hello")
    method, url, headers = sign("sign-get", "signed/theirs")
    assert send(method, url, headers)[2] == b"hello"


@case
def opendals_url_reads_what_our_url_wrote():
    method, url, headers = sign("sign-put", "signed/both")
    assert send(method, url, headers, b"hello")[0] == 200

    async def presign():
        return await theirs.to_async_operator().presign_read("signed/both", 600)

    signed = asyncio.run(presign())
    assert send(signed.method, signed.url, signed.headers)[2] == b"hello"


def incomplete():
    uploads = client.list_multipart_uploads(Bucket="bucket").get("Uploads", [])
    return sorted(upload["Key"] for upload in uploads)


def we_sweep_the_uploads_that_boto3_began():
    for key in ["sweep/a", "sweep/b"]:
        begun = client.create_multipart_upload(Bucket="bucket", Key=key)
        client.upload_part(
            Bucket="bucket", Key=key, UploadId=begun["UploadId"], PartNumber=1, Body=LARGE
        )
    assert incomplete() == ["sweep/a", "sweep/b"], incomplete()
    assert ours("sweep", "3600").split() == ["0"]
    assert incomplete() == ["sweep/a", "sweep/b"], incomplete()
    assert ours("sweep", "0").split() == ["2"]
    assert incomplete() == [], incomplete()


if "lists-uploads" in TRAITS:
    case(we_sweep_the_uploads_that_boto3_began)


@case
def boto3_finds_the_checksum_that_our_url_demanded():
    digest = hashlib.sha256(b"hello")
    method, url, headers = sign("sign-put", "signed/c", "len=5", f"sha256={digest.hexdigest()}")
    assert send(method, url, headers, b"hello")[0] == 200
    found = client.head_object(Bucket="bucket", Key="signed/c", ChecksumMode="ENABLED")
    assert found["ContentLength"] == 5
    assert found["Metadata"]["mcsv-sha256"] == digest.hexdigest(), found
    checksum = found.get("ChecksumSHA256")
    # A server need not keep it; one that does must have this one.
    assert checksum in (None, base64.b64encode(digest.digest()).decode()), found


def refused(words, headers=None, body=b"hello", method=None, change=lambda url: url):
    key = f"refused/{hashlib.sha256(repr((words, headers, body, method)).encode()).hexdigest()[:12]}"
    command, *options = words
    if command == "sign-get":
        client.put_object(Bucket="bucket", Key=key, Body=b"hello")
    told, url, signed = sign(command, key, *options)
    signed.update(headers or {})
    signed = {name: value for name, value in signed.items() if value is not None}
    status, _, _ = send(method or told, change(url), signed, body if command == "sign-put" else None)
    assert 400 <= status < 500, status


@enforced
def another_type_is_refused():
    refused(["sign-put", "type=image/png"], {"content-type": "text/html"})


@enforced
def another_length_is_refused():
    refused(["sign-put", "len=5"], {"content-length": "6"}, b"hello!")
    refused(["sign-put", "len=5"], {"content-length": "4"}, b"hell")


@enforced
def another_content_is_refused():
    digest = hashlib.sha256(b"hello").hexdigest()
    refused(["sign-put", f"sha256={digest}"], body=b"hellO")


@enforced
def a_missing_signed_header_is_refused():
    digest = hashlib.sha256(b"hello").hexdigest()
    refused(["sign-put", f"sha256={digest}"], {"x-amz-checksum-sha256": None})


@enforced
def another_method_is_refused():
    refused(["sign-get"], method="DELETE")
    refused(["sign-put"], method="GET", body=None)


@enforced
def an_expired_url_is_refused():
    refused(["sign-get", "at=1767225600", "expires=600"])


@enforced
def a_changed_url_is_refused():
    refused(["sign-get"], change=lambda url: url.replace("X-Amz-Expires=900", "X-Amz-Expires=901"))
    refused(["sign-get"], change=lambda url: url.replace("attachment", "inline"))
    refused(["sign-put"], change=lambda url: url.replace("/refused/", "/refused/x"))
    refused(["sign-put"], change=lambda url: url[:-1] + ("0" if url[-1] != "0" else "1"))


@enforced
def a_second_creation_is_refused():
    method, url, headers = sign("sign-put", "once", "create=only")
    client.delete_object(Bucket="bucket", Key="once")
    assert send(method, url, headers, b"first")[0] == 200
    assert send(method, url, headers, b"second")[0] == 412
    assert client.get_object(Bucket="bucket", Key="once")["Body"].read() == b"first"


sys.exit(min(failed, 1))
