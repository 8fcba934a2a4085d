//! The picture of the house in docs/ARCHITECTURE.md, as a test.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Which crate of the workspace may depend on which others, at build time or run time.
const PICTURE: [(&str, &[&str]); 15] = [
    ("mcsv-core", &[]),
    ("mcsv-rpc", &["mcsv-core"]),
    ("mcsv-rpc-build", &[]),
    ("mcsv-jobs", &["mcsv-core"]),
    ("mcsv-storage", &["mcsv-core"]),
    ("mcsv-telemetry", &["mcsv-core"]),
    ("mcsv-image-pdf", &[]),
    ("mcsv-protos", &["mcsv-rpc", "mcsv-rpc-build"]),
    ("mcsv-settings", &["mcsv-core"]),
    ("client_svc", SERVICE),
    ("email_svc", SERVICE),
    (
        "job_svc",
        &["mcsv-core", "mcsv-jobs", "mcsv-protos", "mcsv-rpc", "mcsv-settings", "mcsv-telemetry"],
    ),
    ("user_svc", IMAGE_SERVICE),
    ("image_svc", IMAGE_SERVICE),
    (
        "mcsv",
        &[
            "client_svc",
            "user_svc",
            "job_svc",
            "email_svc",
            "image_svc",
            "mcsv-core",
            "mcsv-image-pdf",
            "mcsv-protos",
            "mcsv-rpc",
            "mcsv-settings",
            "mcsv-storage",
            "mcsv-telemetry",
        ],
    ),
];
const SERVICE: &[&str] =
    &["mcsv-core", "mcsv-protos", "mcsv-rpc", "mcsv-settings", "mcsv-telemetry"];
const IMAGE_SERVICE: &[&str] = &[
    "mcsv-core",
    "mcsv-image-pdf",
    "mcsv-protos",
    "mcsv-rpc",
    "mcsv-settings",
    "mcsv-storage",
    "mcsv-telemetry",
];

#[test]
fn no_crate_depends_on_one_that_the_picture_does_not_show() {
    let picture: BTreeMap<_, _> = PICTURE.into_iter().collect();
    let edges = edges();
    assert_eq!(
        edges.keys().map(String::as_str).filter(|name| *name != "xtask").collect::<Vec<_>>(),
        picture.keys().copied().collect::<Vec<_>>(),
        "the crates of the workspace and of the picture"
    );
    for (name, allowed) in &picture {
        let extra: Vec<_> =
            edges[*name].iter().filter(|to| !allowed.contains(&to.as_str())).collect();
        assert!(extra.is_empty(), "{name} depends on {extra:?}");
    }
}

/// Dependencies inside the workspace, those of tests left out.
fn edges() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .expect("cargo runs: it runs this test");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    let packages = metadata["packages"].as_array().expect("metadata lists packages");
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let members: BTreeSet<_> = packages.iter().map(name).collect();
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().into_iter().flatten();
            let edges = dependencies
                .filter(|dependency| dependency["kind"] != "dev")
                .map(name)
                .filter(|to| members.contains(to));
            (name(package), edges.collect())
        })
        .collect()
}
