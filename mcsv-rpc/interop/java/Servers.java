import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import com.google.protobuf.UnknownFieldSet.Field;
import interop.v1.InteropGrpc;
import interop.v1.InteropOuterClass.Failure;
import interop.v1.InteropOuterClass.Ping;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.Grpc;
import io.grpc.InsecureServerCredentials;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerCredentials;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import io.grpc.TlsServerCredentials;
import io.grpc.stub.StreamObserver;
import java.io.File;
import java.util.Arrays;

/**
 * Java's server for the client of this crate: grpc-java.
 *
 * <pre>Servers CERTIFICATE_FILE KEY_FILE</pre>
 *
 * Prints {@code NAME PROTOCOL HTTP_VERSION URL} for each server, an empty line, and serves until it is
 * killed.
 */
final class Servers {
    public static void main(String[] arguments) throws Exception {
        ServerCredentials plain = InsecureServerCredentials.create();
        ServerCredentials tls =
            TlsServerCredentials.create(new File(arguments[0]), new File(arguments[1]));
        Server first = started(plain, "identity"), second = started(tls, "gzip");
        System.out.println("grpc-java grpc h2 http://127.0.0.1:" + first.getPort());
        System.out.println("grpc-java grpc h2 https://localhost:" + second.getPort());
        System.out.println();
        first.awaitTermination();
    }

    private static Server started(ServerCredentials credentials, String encoding) throws Exception {
        return Grpc.newServerBuilderForPort(0, credentials)
            .addService(new Service())
            .intercept(new Headers(encoding))
            .build()
            .start();
    }

    private static final class Service extends InteropGrpc.InteropImplBase {
        @Override
        public void echo(Ping request, StreamObserver<Ping> answer) {
            answer.onNext(request);
            answer.onCompleted();
        }

        @Override
        public void fail(Failure request, StreamObserver<Ping> answer) {
            Status.Code code = Arrays.stream(Status.Code.values())
                .filter(known -> Clients.spelled(known).equals(request.getCode()))
                .findFirst().orElseThrow();
            // A `google.rpc.Status`: a code, a message and a list of details.
            Any detail = Any.pack(Ping.newBuilder().setText("detail").build());
            UnknownFieldSet status = UnknownFieldSet.newBuilder()
                .addField(1, Field.newBuilder().addVarint(code.value()).build())
                .addField(2, lengthDelimited(request.getMessageBytes()))
                .addField(3, lengthDelimited(detail.toByteString()))
                .build();
            Metadata trailers = new Metadata();
            trailers.put(GrpcCases.binary("grpc-status-details-bin"), status.toByteArray());
            answer.onError(code.toStatus()
                .withDescription(request.getMessage())
                .asRuntimeException(trailers));
        }

        @Override
        public void sleep(Ping request, StreamObserver<Ping> answer) {
            // The caller's deadline ends it.
        }

        private static Field lengthDelimited(ByteString bytes) {
            return Field.newBuilder().addLengthDelimited(bytes).build();
        }
    }

    /** Gives the {@code x-reflect} headers back, adds a trailer, and pushes back as it is asked to. */
    private static final class Headers implements ServerInterceptor {
        private final String encoding;

        Headers(String encoding) {
            this.encoding = encoding;
        }

        @Override
        public <A, B> ServerCall.Listener<A> interceptCall(
                ServerCall<A, B> call, Metadata asked, ServerCallHandler<A, B> next) {
            String pushback = asked.get(GrpcCases.text("x-pushback"));
            if (pushback != null && !asked.containsKey(GrpcCases.text("grpc-previous-rpc-attempts"))) {
                Metadata trailers = new Metadata();
                trailers.put(GrpcCases.text("grpc-retry-pushback-ms"), pushback);
                call.close(Status.UNAVAILABLE.withDescription("not now"), trailers);
                return new ServerCall.Listener<A>() {};
            }
            call.setCompression(encoding);
            return next.startCall(new SimpleForwardingServerCall<A, B>(call) {
                @Override
                public void sendHeaders(Metadata headers) {
                    reflect(GrpcCases.text("x-reflect"), GrpcCases.text("x-reflected"), headers);
                    reflect(
                        GrpcCases.binary("x-reflect-bin"),
                        GrpcCases.binary("x-reflected-bin"), headers);
                    super.sendHeaders(headers);
                }

                @Override
                public void close(Status status, Metadata trailers) {
                    trailers.put(GrpcCases.text("x-trailer"), "end");
                    super.close(status, trailers);
                }

                private <T> void reflect(Metadata.Key<T> from, Metadata.Key<T> to, Metadata headers) {
                    T value = asked.get(from);
                    if (value != null) headers.put(to, value);
                }
            }, asked);
        }
    }
}
