import static io.grpc.MethodDescriptor.MethodType.UNARY;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.UnknownFieldSet;
import interop.v1.InteropGrpc;
import interop.v1.InteropGrpc.InteropBlockingStub;
import interop.v1.InteropOuterClass.Ping;
import io.grpc.CallOptions;
import io.grpc.ChannelCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.TlsChannelCredentials;
import io.grpc.protobuf.ProtoUtils;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.MetadataUtils;
import java.io.File;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/** What grpc-java understands of gRPC. */
final class GrpcCases {
    private static final byte[] BYTES = {0, -1, 1};

    private final String name;
    private final ManagedChannel channel;
    private final InteropBlockingStub stub;

    /** {@code certificate} is null for cleartext. */
    GrpcCases(String suffix, String url, File certificate) throws Exception {
        URI uri = URI.create(url);
        ChannelCredentials credentials = certificate == null
            ? InsecureChannelCredentials.create()
            : TlsChannelCredentials.newBuilder().trustManager(certificate).build();
        name = "grpc-java grpc proto h2" + suffix + " ";
        channel = Grpc.newChannelBuilderForAddress(uri.getHost(), uri.getPort(), credentials)
            .maxInboundMessageSize(Integer.MAX_VALUE)
            .build();
        stub = InteropGrpc.newBlockingStub(channel);
    }

    void run() throws Exception {
        Ping small = Clients.ping(20_000), large = Clients.ping(3 << 20);
        for (String packed : new String[] {"", "gzip "}) {
            InteropBlockingStub packing = packed.isEmpty() ? stub : stub.withCompression("gzip");
            Clients.check(name + packed + "echo", () -> echo(packing, small));
            Clients.check(name + packed + "3 MiB", () -> echo(packing, large));
        }
        Clients.check(name + "5 MiB", () -> fails(
            Status.Code.RESOURCE_EXHAUSTED, () -> stub.echo(Clients.ping(5 << 20))));
        for (Status.Code code : Status.Code.values())
            if (code != Status.Code.OK)
                Clients.check(name + Clients.spelled(code), () -> fail(code));
        Clients.check(name + "deadline", () -> fails(Status.Code.DEADLINE_EXCEEDED,
            () -> stub.withDeadlineAfter(200, TimeUnit.MILLISECONDS).sleep(small)));
        Clients.check(name + "unknown method", () -> unknown(Clients.SERVICE));
        Clients.check(name + "unknown service", () -> unknown("no.Service"));
        channel.shutdownNow().awaitTermination(5, TimeUnit.SECONDS);
    }

    private void echo(InteropBlockingStub stub, Ping ping) {
        Metadata sent = new Metadata();
        sent.put(text("x-reflect"), "a b");
        sent.put(binary("x-reflect-bin"), BYTES);
        AtomicReference<Metadata> headers = new AtomicReference<>();
        Ping answer = stub.withDeadlineAfter(20, TimeUnit.SECONDS)
            .withInterceptors(
                MetadataUtils.newAttachHeadersInterceptor(sent),
                MetadataUtils.newCaptureMetadataInterceptor(headers, new AtomicReference<>()))
            .echo(ping);
        Clients.equal(answer, ping);
        Clients.equal(headers.get().get(text("x-reflected")), "a b");
        byte[] bytes = headers.get().get(binary("x-reflected-bin"));
        Clients.equal(ByteString.copyFrom(bytes), ByteString.copyFrom(BYTES));
    }

    private void fail(Status.Code code) throws Exception {
        StatusRuntimeException error =
            fails(code, () -> stub.fail(Clients.failure(Clients.spelled(code))));
        Clients.equal(error.getStatus().getDescription(), Clients.MESSAGE);
        // A `google.rpc.Status`, whose third field is the list of details.
        byte[] status = error.getTrailers().get(binary("grpc-status-details-bin"));
        List<Any> details = new ArrayList<>();
        UnknownFieldSet fields = UnknownFieldSet.parseFrom(status);
        for (ByteString detail : fields.getField(3).getLengthDelimitedList())
            details.add(Any.parseFrom(detail));
        Clients.checkDetails(details);
    }

    private void unknown(String service) {
        MethodDescriptor<Ping, Ping> method = MethodDescriptor.<Ping, Ping>newBuilder()
            .setType(UNARY)
            .setFullMethodName(MethodDescriptor.generateFullMethodName(service, "Nothing"))
            .setRequestMarshaller(ProtoUtils.marshaller(Ping.getDefaultInstance()))
            .setResponseMarshaller(ProtoUtils.marshaller(Ping.getDefaultInstance()))
            .build();
        fails(Status.Code.UNIMPLEMENTED, () -> ClientCalls.blockingUnaryCall(
            channel, method, CallOptions.DEFAULT, Clients.ping(10)));
    }

    private static StatusRuntimeException fails(Status.Code code, Runnable call) {
        try {
            call.run();
        } catch (StatusRuntimeException error) {
            if (error.getStatus().getCode() != code) throw error;
            return error;
        }
        throw new IllegalStateException("no error came");
    }

    static Metadata.Key<String> text(String name) {
        return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
    }

    static Metadata.Key<byte[]> binary(String name) {
        return Metadata.Key.of(name, Metadata.BINARY_BYTE_MARSHALLER);
    }
}
