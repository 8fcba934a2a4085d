use serde_json::Value;

use crate::process::{get, run};
use crate::stack::{Five, NAMES};

/// What the program prints; it must succeed and say nothing else.
#[track_caller]
fn printed(arguments: &[&str]) -> String {
    let output = run(&[&["openapi"], arguments].concat());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.is_empty(), "{told}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_service_serves_the_document_that_the_program_prints() {
    let five = Five::start();
    for name in NAMES {
        let (status, json) = get(five.port(name), "/openapi.json");
        assert_eq!((status, json.trim_end()), (200, printed(&[name]).trim_end()), "{name}");
        let (status, yaml) = get(five.port(name), "/openapi.yaml");
        assert_eq!((status, yaml), (200, printed(&[name, "--yaml"])), "{name}");
    }
}

#[test]
fn one_document_has_every_service_under_the_names_of_the_original_too() {
    let document: Value = serde_json::from_str(&printed(&[])).unwrap();
    for path in [
        "/user_svc/CreateUser",
        "/job_svc/EnqueueEmail",
        "/job_svc/NotifyEmailDelivery",
        "/email_svc/SendEmail",
        "/image_svc/ConvertImage",
        "/client_svc/ReceiveNotification",
        "/mcsv.v1.UserService/CreateUser",
        "/twirp/mcsv.v1.UserService/CreateUser",
    ] {
        assert!(document["paths"][path]["post"].is_object(), "{path} is not in it");
    }
    assert_eq!(document["tags"].as_array().map(Vec::len), Some(5));
}
