// The C++ client of gRPC against the interop example.
//
//     clients PLAIN_URL TLS_URL CERTIFICATE_FILE
//
// Prints a line for each case, which begins with `ok` or `FAILED`.

#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>

#include <google/protobuf/any.pb.h>
#include <google/protobuf/unknown_field_set.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include "interop.grpc.pb.h"

using grpc::ClientContext;
using grpc::Status;
using grpc::StatusCode;
using interop::v1::Failure;
using interop::v1::Interop;
using interop::v1::Ping;

const std::string kMessage = "100 % of 'naïve' \t ✓";
const std::map<StatusCode, std::string> kCodes = {
    {StatusCode::CANCELLED, "canceled"},
    {StatusCode::UNKNOWN, "unknown"},
    {StatusCode::INVALID_ARGUMENT, "invalid_argument"},
    {StatusCode::DEADLINE_EXCEEDED, "deadline_exceeded"},
    {StatusCode::NOT_FOUND, "not_found"},
    {StatusCode::ALREADY_EXISTS, "already_exists"},
    {StatusCode::PERMISSION_DENIED, "permission_denied"},
    {StatusCode::RESOURCE_EXHAUSTED, "resource_exhausted"},
    {StatusCode::FAILED_PRECONDITION, "failed_precondition"},
    {StatusCode::ABORTED, "aborted"},
    {StatusCode::OUT_OF_RANGE, "out_of_range"},
    {StatusCode::UNIMPLEMENTED, "unimplemented"},
    {StatusCode::INTERNAL, "internal"},
    {StatusCode::UNAVAILABLE, "unavailable"},
    {StatusCode::DATA_LOSS, "data_loss"},
    {StatusCode::UNAUTHENTICATED, "unauthenticated"},
};

void expect(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

void expect_ok(const Status& status) {
  expect(status.ok(), std::to_string(status.error_code()) + " " + status.error_message());
}

void run_case(const std::string& name, const std::function<void()>& test) {
  try {
    test();
    std::cout << "ok c++ " << name << std::endl;
  } catch (const std::exception& error) {
    std::cout << "FAILED c++ " << name << ": " << error.what() << std::endl;
  }
}

Ping ping(size_t bytes) {
  Ping ping;
  ping.set_text(kMessage);
  for (size_t i = 0; i < bytes; ++i) ping.mutable_data()->push_back(static_cast<char>(i * 7 >> 3));
  ping.set_number(INT64_MIN);
  ping.mutable_at()->set_seconds(1795955696);
  for (int colour : {0, 1, 7}) ping.add_colours(static_cast<interop::v1::Colour>(colour));
  return ping;
}

void echo(Interop::Stub& stub, const Ping& request, grpc_compression_algorithm packed) {
  const std::string bytes("\0\xff\x01", 3);
  ClientContext context;
  context.set_compression_algorithm(packed);
  context.AddMetadata("x-reflect", "a b");
  context.AddMetadata("x-reflect-bin", bytes);
  Ping answer;
  expect_ok(stub.Echo(&context, request, &answer));
  expect(answer.SerializeAsString() == request.SerializeAsString(), "another message came back");
  auto header = [&](const char* name) {
    const auto found = context.GetServerInitialMetadata().find(name);
    expect(found != context.GetServerInitialMetadata().end(), std::string(name) + " is missing");
    return std::string(found->second.data(), found->second.size());
  };
  expect(header("x-reflected") == "a b", "x-reflected differs");
  expect(header("x-reflected-bin") == bytes, "x-reflected-bin differs");
}

void fail(Interop::Stub& stub, StatusCode code, const std::string& name) {
  Failure failure;
  failure.set_code(name);
  failure.set_message(kMessage);
  (*failure.mutable_meta())["key"] = "välue";
  ClientContext context;
  Ping answer;
  const Status status = stub.Fail(&context, failure, &answer);
  expect(status.error_code() == code, "the code is " + std::to_string(status.error_code()));
  expect(status.error_message() == kMessage, "the message is " + status.error_message());

  // A `google.rpc.Status`, whose third field is the list of details.
  google::protobuf::UnknownFieldSet details;
  expect(details.ParseFromString(status.error_details()), "the details are no message");
  bool ping = false, info = false;
  for (int i = 0; i < details.field_count(); ++i) {
    google::protobuf::Any any;
    if (details.field(i).number() != 3) continue;
    expect(any.ParseFromString(details.field(i).length_delimited()), "a detail is no Any");
    Ping detail;
    if (any.UnpackTo(&detail)) ping = detail.text() == "detail";
    if (any.type_url() == "type.googleapis.com/google.rpc.ErrorInfo")
      info = any.value().find("välue") != std::string::npos;
  }
  expect(ping && info, "a detail is missing");
}

void deadline(Interop::Stub& stub) {
  ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(200));
  Ping answer;
  const Status status = stub.Sleep(&context, Ping(), &answer);
  expect(status.error_code() == StatusCode::DEADLINE_EXCEEDED, status.error_message());
}

void too_large(Interop::Stub& stub) {
  ClientContext context;
  Ping answer;
  const Status status = stub.Echo(&context, ping(5 << 20), &answer);
  expect(status.error_code() == StatusCode::RESOURCE_EXHAUSTED, status.error_message());
}

void unknown(const std::shared_ptr<grpc::Channel>& channel, const char* path) {
  grpc::TemplatedGenericStub<Ping, Ping> stub(channel);
  ClientContext context;
  grpc::CompletionQueue queue;
  const Ping request;
  Ping answer;
  Status status;
  const auto call = stub.PrepareUnaryCall(&context, path, request, &queue);
  call->StartCall();
  call->Finish(&answer, &status, nullptr);
  void* tag;
  bool finished;
  queue.Next(&tag, &finished);
  expect(status.error_code() == StatusCode::UNIMPLEMENTED, status.error_message());
}

void all(const std::string& name, const std::string& target,
         const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  const auto channel = grpc::CreateCustomChannel(target, credentials, arguments);
  const auto stub = Interop::NewStub(channel);
  const Ping small = ping(100), large = ping(3 << 20);
  for (const auto& [packed, algorithm] : std::map<std::string, grpc_compression_algorithm>{
           {"", GRPC_COMPRESS_NONE}, {" gzip", GRPC_COMPRESS_GZIP}}) {
    run_case(name + packed + " echo", [&] { echo(*stub, small, algorithm); });
    run_case(name + packed + " 3 MiB", [&] { echo(*stub, large, algorithm); });
  }
  run_case(name + " 5 MiB", [&] { too_large(*stub); });
  for (const auto& [code, text] : kCodes)
    run_case(name + " " + text, [&, code = code, text = text] { fail(*stub, code, text); });
  run_case(name + " deadline", [&] { deadline(*stub); });
  run_case(name + " unknown method", [&] { unknown(channel, "/interop.v1.Interop/Nothing"); });
  run_case(name + " unknown service", [&] { unknown(channel, "/no.Service/Nothing"); });
}

int main(int count, char** arguments) {
  if (count < 4) return 2;
  const std::string plain(arguments[1]), tls(arguments[2]);
  std::ifstream file(arguments[3]);
  grpc::SslCredentialsOptions options;
  options.pem_root_certs.assign(std::istreambuf_iterator<char>(file), {});
  const auto host = [](const std::string& url) { return url.substr(url.find("//") + 2); };
  all("grpc++ grpc proto h2", host(plain), grpc::InsecureChannelCredentials());
  all("grpc++ grpc proto h2 tls", host(tls), grpc::SslCredentials(options));
}
