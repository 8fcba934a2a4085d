import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.Message;
import com.google.protobuf.Struct;
import com.google.protobuf.Value;
import com.google.protobuf.util.JsonFormat;
import interop.v1.InteropOuterClass.Ping;
import io.grpc.Status;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpClient.Version;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** Twirp and Connect by hand, over the HTTP client of the JDK. */
final class HttpCases {
    private final HttpClient client;
    private final String url;
    private final Version version;
    private final String suffix;

    /** {@code certificate} is null for cleartext. */
    HttpCases(String url, File certificate, boolean http2) throws Exception {
        HttpClient.Builder builder = HttpClient.newBuilder()
            .version(http2 ? Version.HTTP_2 : Version.HTTP_1_1);
        if (certificate != null) builder.sslContext(trusting(certificate));
        client = builder.build();
        this.url = url;
        // In cleartext it asks for an upgrade to HTTP/2, and is answered in the HTTP/1.1 it asked in.
        version = http2 && certificate != null ? Version.HTTP_2 : Version.HTTP_1_1;
        String spoken = version == Version.HTTP_2 ? "h2" : http2 ? "h1 upgrade" : "h1";
        suffix = spoken + (certificate == null ? " " : " tls ");
    }

    void run() {
        for (Form form : Form.values()) {
            String name = "jdk " + form.name().toLowerCase().replace('_', ' ') + " " + suffix;
            for (boolean gzip : new boolean[] {false, true}) {
                String packed = gzip ? name + "gzip " : name;
                Ping small = Clients.ping(20_000), large = Clients.ping(3_000_000);
                Clients.check(packed + "echo", () -> echo(form, small, gzip));
                Clients.check(packed + "3 MB", () -> echo(form, large, gzip));
            }
            Clients.check(name + "50 at a time", () -> crowd(form));
            Clients.check(name + "5 MiB", () -> refused(
                form, 429, "resource_exhausted", post(form, "Echo", Clients.ping(5 << 20))));
            for (Status.Code code : Status.Code.values())
                if (code != Status.Code.OK)
                    Clients.check(name + Clients.spelled(code), () -> fail(form, code));
            if (form.isConnect()) {
                Clients.check(name + "get", () -> get(form));
                Clients.check(name + "deadline", () -> refused(form, 504, "deadline_exceeded",
                    post(form, "Sleep", Clients.ping(10)).header("connect-timeout-ms", "200")));
            }
            Clients.check(name + "unknown method", () -> unknown(form));
        }
    }

    /** A protocol and a codec. */
    enum Form {
        TWIRP_PROTO("/twirp/", "application/protobuf"),
        TWIRP_JSON("/twirp/", "application/json"),
        CONNECT_PROTO("/", "application/proto"),
        CONNECT_JSON("/", "application/json");

        final String prefix;
        final String type;

        Form(String prefix, String type) {
            this.prefix = prefix;
            this.type = type;
        }

        boolean isConnect() {
            return prefix.equals("/");
        }

        byte[] written(Message message) throws IOException {
            if (!type.endsWith("json")) return message.toByteArray();
            return JsonFormat.printer().print(message).getBytes(StandardCharsets.UTF_8);
        }

        Ping read(byte[] bytes) throws IOException {
            if (!type.endsWith("json")) return Ping.parseFrom(bytes);
            Ping.Builder ping = Ping.newBuilder();
            JsonFormat.parser().merge(new String(bytes, StandardCharsets.UTF_8), ping);
            return ping.build();
        }
    }

    private void echo(Form form, Ping ping, boolean gzip) throws Exception {
        HttpRequest.Builder request = at(form, "Echo").header("x-reflect", "a b");
        byte[] body = form.written(ping);
        if (gzip) {
            body = zipped(body);
            request.header("content-encoding", "gzip").header("accept-encoding", "gzip");
        }
        HttpResponse<byte[]> response = sent(request.POST(BodyPublishers.ofByteArray(body)));
        byte[] answer = response.body();
        String encoding = response.headers().firstValue("content-encoding").orElse("none");
        Clients.equal(encoding, gzip ? "gzip" : "none");
        checkEcho(form, response, gzip ? unzipped(answer) : answer, ping);
        Clients.equal(response.headers().firstValue("x-reflected").orElse(null), "a b");
    }

    private void get(Form form) throws Exception {
        Ping ping = Clients.ping(1000);
        String encoding = form.type.substring("application/".length());
        String message = Base64.getUrlEncoder().withoutPadding().encodeToString(form.written(ping));
        if (encoding.equals("json"))
            message = URLEncoder.encode(JsonFormat.printer().print(ping), StandardCharsets.UTF_8);
        String query = "?connect=v1&encoding=" + encoding + "&message=" + message
            + (encoding.equals("json") ? "" : "&base64=1");
        URI uri = URI.create(url + form.prefix + Clients.SERVICE + "/Echo" + query);
        HttpResponse<byte[]> response = sent(HttpRequest.newBuilder(uri).GET());
        checkEcho(form, response, response.body(), ping);
    }

    private void crowd(Form form) throws Exception {
        List<CompletableFuture<HttpResponse<byte[]>>> calls = new ArrayList<>();
        List<Ping> pings = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            pings.add(Clients.ping(i * 1000));
            HttpRequest request = post(form, "Echo", pings.get(i)).build();
            calls.add(client.sendAsync(request, BodyHandlers.ofByteArray()));
        }
        for (int i = 0; i < 50; i++) {
            HttpResponse<byte[]> response = calls.get(i).get();
            checkEcho(form, response, response.body(), pings.get(i));
        }
    }

    private void checkEcho(Form form, HttpResponse<?> response, byte[] body, Ping ping)
            throws IOException {
        Clients.equal(response.statusCode(), 200);
        Clients.equal(response.headers().firstValue("content-type").orElse(null), form.type);
        Clients.equal(response.version(), version);
        Clients.equal(form.read(body), ping);
    }

    private void fail(Form form, Status.Code code) throws Exception {
        String name = Clients.spelled(code);
        HttpRequest.Builder request = post(form, "Fail", Clients.failure(name));
        Map<String, Value> error = errorOf(sent(request));
        Clients.equal(error.get("code").getStringValue(), name);
        String key = form.isConnect() ? "message" : "msg";
        Clients.equal(error.get(key).getStringValue(), Clients.MESSAGE);
        if (!form.isConnect()) {
            Map<String, Value> meta = error.get("meta").getStructValue().getFieldsMap();
            Clients.equal(meta.get("key").getStringValue(), "välue");
            return;
        }
        List<Any> details = new ArrayList<>();
        for (Value detail : error.get("details").getListValue().getValuesList()) {
            Map<String, Value> fields = detail.getStructValue().getFieldsMap();
            byte[] value = Base64.getDecoder().decode(fields.get("value").getStringValue());
            details.add(Any.newBuilder()
                .setTypeUrl("type.googleapis.com/" + fields.get("type").getStringValue())
                .setValue(ByteString.copyFrom(value))
                .build());
        }
        Clients.checkDetails(details);
    }

    private void unknown(Form form) throws Exception {
        HttpRequest.Builder request = post(form, "Nothing", Clients.ping(10));
        // Connect leaves it to HTTP.
        if (form.isConnect()) Clients.equal(sent(request).statusCode(), 404);
        else refused(form, 404, "bad_route", request);
    }

    private void refused(Form form, int status, String code, HttpRequest.Builder request)
            throws Exception {
        HttpResponse<byte[]> response = sent(request);
        Clients.equal(response.statusCode(), status);
        Clients.equal(errorOf(response).get("code").getStringValue(), code);
    }

    private HttpRequest.Builder at(Form form, String method) {
        URI uri = URI.create(url + form.prefix + Clients.SERVICE + "/" + method);
        HttpRequest.Builder request = HttpRequest.newBuilder(uri)
            .timeout(Duration.ofSeconds(20))
            .header("content-type", form.type);
        return form.isConnect() ? request.header("connect-protocol-version", "1") : request;
    }

    private HttpRequest.Builder post(Form form, String method, Message message) throws IOException {
        return at(form, method).POST(BodyPublishers.ofByteArray(form.written(message)));
    }

    private HttpResponse<byte[]> sent(HttpRequest.Builder request) throws Exception {
        return client.send(request.build(), BodyHandlers.ofByteArray());
    }

    private static Map<String, Value> errorOf(HttpResponse<byte[]> response) throws IOException {
        String type = response.headers().firstValue("content-type").orElse(null);
        Clients.equal(type, "application/json");
        Struct.Builder error = Struct.newBuilder();
        JsonFormat.parser().merge(new String(response.body(), StandardCharsets.UTF_8), error);
        return error.build().getFieldsMap();
    }

    private static byte[] zipped(byte[] bytes) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (GZIPOutputStream zip = new GZIPOutputStream(out)) {
            zip.write(bytes);
        }
        return out.toByteArray();
    }

    private static byte[] unzipped(byte[] bytes) throws IOException {
        return new GZIPInputStream(new ByteArrayInputStream(bytes)).readAllBytes();
    }

    private static SSLContext trusting(File certificate) throws Exception {
        KeyStore roots = KeyStore.getInstance(KeyStore.getDefaultType());
        roots.load(null);
        try (FileInputStream in = new FileInputStream(certificate)) {
            CertificateFactory factory = CertificateFactory.getInstance("X.509");
            roots.setCertificateEntry("root", factory.generateCertificate(in));
        }
        TrustManagerFactory trust =
            TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(roots);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }
}
