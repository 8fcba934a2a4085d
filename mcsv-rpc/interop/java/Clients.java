import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Timestamp;
import interop.v1.InteropOuterClass.Failure;
import interop.v1.InteropOuterClass.Ping;
import java.io.File;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/**
 * Java's clients against the interop example: grpc-java, and the HTTP client of the JDK.
 *
 * <pre>Clients PLAIN_URL TLS_URL CERTIFICATE_FILE</pre>
 *
 * Prints a line for each case, which begins with {@code ok} or {@code FAILED}.
 */
final class Clients {
    static final String SERVICE = "interop.v1.Interop";
    static final String MESSAGE = "100 % of 'naïve' \t ✓";

    public static void main(String[] arguments) throws Exception {
        String plain = arguments[0], tls = arguments[1];
        File certificate = new File(arguments[2]);
        new GrpcCases("", plain, null).run();
        new GrpcCases(" tls", tls, certificate).run();
        for (boolean http2 : new boolean[] {false, true}) {
            new HttpCases(plain, null, http2).run();
            new HttpCases(tls, certificate, http2).run();
        }
        // What the clients keep running in the background is not waited for.
        System.exit(0);
    }

    interface Test {
        void run() throws Exception;
    }

    static void check(String name, Test test) {
        try {
            test.run();
            System.out.println("ok java " + name);
        } catch (Exception error) {
            System.out.println(("FAILED java " + name + ": " + error).replace('\n', ' '));
        }
    }

    static void equal(Object left, Object right) {
        if (!Objects.equals(left, right)) {
            throw new IllegalStateException(shortened(left) + " is not " + shortened(right));
        }
    }

    private static String shortened(Object value) {
        String text = String.valueOf(value);
        return text.substring(0, Math.min(200, text.length()));
    }

    /** The name of a code as the protocols write it, which is not quite gRPC's own. */
    static String spelled(Enum<?> code) {
        return code.name().toLowerCase(Locale.ROOT).replace("cancelled", "canceled");
    }

    static Ping ping(int bytes) {
        byte[] data = new byte[bytes];
        for (int i = 0; i < bytes; i++) data[i] = (byte) (i * 7 >> 3);
        return Ping.newBuilder()
            .setText(MESSAGE)
            .setData(ByteString.copyFrom(data))
            .setNumber(Long.MIN_VALUE)
            .setAt(Timestamp.newBuilder().setSeconds(1795955696).setNanos(789000000))
            .addAllColoursValue(List.of(0, 1, 7))
            .build();
    }

    static Failure failure(String code) {
        return Failure.newBuilder()
            .setCode(code).setMessage(MESSAGE).putMeta("key", "välue").build();
    }

    /** Whether an error has the message and the metadata that it was told to have. */
    static void checkDetails(List<Any> details) throws InvalidProtocolBufferException {
        boolean ping = false, info = false;
        for (Any detail : details) {
            if (detail.is(Ping.class)) ping = detail.unpack(Ping.class).getText().equals("detail");
            if (detail.getTypeUrl().endsWith("/google.rpc.ErrorInfo"))
                info = detail.getValue().toStringUtf8().contains("välue");
        }
        equal(List.of(ping, info), List.of(true, true));
    }
}
