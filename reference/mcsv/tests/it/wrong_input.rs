use crate::process::{get, post};
use crate::stack::Five;

const PROTOBUF: &str = "application/protobuf";

/// A protobuf message of text fields.
fn message(fields: &[(u8, &str)]) -> Vec<u8> {
    let field = |(number, text): &(u8, &str)| {
        let mut bytes = vec![number << 3 | 2];
        let mut length = text.len();
        while length > 0x7f {
            bytes.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
            length >>= 7;
        }
        bytes.push(u8::try_from(length).unwrap());
        bytes.extend(text.as_bytes());
        bytes
    };
    fields.iter().flat_map(field).collect()
}

#[track_caller]
fn check(answer: (u16, String), status: u16, code: &str, names: &str) {
    assert_eq!(answer.0, status, "{}", answer.1);
    assert!(answer.1.contains(&format!("\"code\":\"{code}\"")), "{}", answer.1);
    assert!(answer.1.contains(names), "{} does not name {names}", answer.1);
}

#[test]
fn wrong_input_gets_an_error_that_names_it_and_the_services_stay_up() {
    let five = Five::start();
    let user = five.port("user");
    let create = "/user_svc/CreateUser";
    let convert = "/user_svc/ConvertImage";

    check(post(user, create, PROTOBUF, b"\xff\xff\xff"), 400, "malformed", "UserRequest");
    check(post(user, create, PROTOBUF, b""), 400, "invalid_argument", "id");
    let no_address = message(&[(1, "u1"), (2, "Ada"), (3, "ada at example")]);
    check(post(user, create, PROTOBUF, &no_address), 400, "invalid_argument", "ada at example");
    let injected = message(&[(1, "u1"), (2, "Ada"), (3, "a@b.c\r\nBcc: x@y.z")]);
    check(post(user, create, PROTOBUF, &injected), 400, "invalid_argument", "email");
    check(post(user, create, "text/plain", b"hello"), 404, "bad_route", "text/plain");
    check(get(user, create), 404, "bad_route", "POST");
    check(post(user, "/user_svc/NoSuch", PROTOBUF, b""), 404, "bad_route", "NoSuch");
    check(post(user, "/nowhere", PROTOBUF, b""), 404, "bad_route", "/nowhere");

    let common = [(1, "u1"), (2, "ada@example.org")];
    let ask = |more: &[(u8, &str)]| message(&[&common[..], more].concat());
    check(post(user, convert, PROTOBUF, &ask(&[])), 400, "invalid_argument", "image_data");
    let text = ask(&[(9, "Dear Sir or Madam")]);
    check(post(user, convert, PROTOBUF, &text), 400, "invalid_argument", "PNG");
    let quality = ask(&[(5, "ultra"), (9, "x")]);
    check(post(user, convert, PROTOBUF, &quality), 400, "invalid_argument", "ultra");
    let both = ask(&[(9, "x"), (10, "y.png")]);
    check(post(user, convert, PROTOBUF, &both), 400, "invalid_argument", "storage_id");
    let traversal = ask(&[(10, "../../etc/passwd")]);
    check(post(user, convert, PROTOBUF, &traversal), 400, "invalid_argument", "storage_id");

    let declared = format!(
        "POST {convert} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: {PROTOBUF}\r\n\
         content-length: 104857600\r\nexpect: 100-continue\r\n\r\n"
    );
    let answer = crate::process::exchange(user, declared.as_bytes());
    assert!(answer.1.contains("resource_exhausted"), "{answer:?}");

    for name in crate::stack::NAMES {
        assert_eq!(get(five.port(name), "/health/live").0, 200, "{name}");
        assert_eq!(get(five.port(name), "/health/ready").0, 200, "{name}");
        let (status, metrics) = get(five.port(name), "/metrics");
        assert!(status == 200 && metrics.contains("# "), "{name}: {metrics}");
    }
}

#[test]
fn a_bad_variable_stops_the_start_with_its_name() {
    let mut command = crate::process::mcsv(&["user"]);
    command.env("PORT", "http").env("IMAGE_MAX_BYTES", "plenty");

    let output = command.output().unwrap();

    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(told.contains("PORT") && told.contains("IMAGE_MAX_BYTES"), "{told}");
}
