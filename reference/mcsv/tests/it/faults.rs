use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::process::{files, mcsv};
use crate::stack::Five;

const IMAGES: usize = 12;

/// Different images of one look, so that none is taken for another.
fn images(folder: &Path) -> Vec<PathBuf> {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/rotated.jpg");
    let copy = |n| {
        let path = folder.join(format!("image-{n}.jpg"));
        std::fs::copy(&sample, &path).unwrap();
        path
    };
    (0..IMAGES).map(copy).collect()
}

/// Kills `victim` while conversions run, starts it again, and sees all of them arrive.
fn check(victim: &str) {
    let mut five = Five::start();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let images = images(folder.path());
    let mut command = mcsv(&["convert", "--quality", "lossless", "--out", out.to_str().unwrap()]);
    five.configure(&mut command).args(&images).stdout(Stdio::piped());

    let mut client = command.stderr(Stdio::inherit()).spawn().unwrap();
    five.process("image").wait_for_message(2, "image converted");
    five.kill(victim);
    five.restart(victim);

    let status = client.wait().unwrap();
    assert!(status.success());
    assert_eq!(files(&out, "pdf").len(), IMAGES);
    wait_for_mails(&five, IMAGES);
    // One each: the name of a mail derives from what it tells, so that two would be one file. What
    // shows a second sending is the record of deliveries, checked by name and content.
    let mails = files(&five.data().join("outbox"), "eml");
    let of_images = mails.iter().filter(|mail| {
        std::fs::read_to_string(mail).unwrap().contains("Subject: Your PDF is ready")
    });
    assert_eq!(of_images.count(), IMAGES);
    assert_eq!(mails.len(), IMAGES);
}

/// Looks until the mails are there, each look paced by a new process and its round trip to the
/// queue.
fn wait_for_mails(five: &Five, count: usize) {
    let outbox = five.data().join("outbox");
    for _ in 0..5_000 {
        if files(&outbox, "eml").len() >= count {
            return;
        }
        let mut command = mcsv(&["jobs", "stats", "--json"]);
        let output = five.configure(&mut command).output().unwrap();
        assert!(output.status.success());
    }
    panic!("{} of {count} mails came", files(&outbox, "eml").len());
}

#[test]
fn all_conversions_arrive_though_the_client_service_is_killed() {
    check("client");
}

#[test]
fn all_conversions_arrive_though_the_user_service_is_killed() {
    check("user");
}

#[test]
fn all_conversions_arrive_though_the_job_service_is_killed() {
    check("job");
}

#[test]
fn all_conversions_arrive_though_the_email_service_is_killed() {
    check("email");
}

#[test]
fn all_conversions_arrive_though_the_image_service_is_killed() {
    check("image");
}

#[test]
fn an_interrupt_ends_every_service_in_order_and_in_peace() {
    let mut five = Five::start();

    for name in crate::stack::NAMES {
        assert_eq!(five.interrupt(name), Some(0), "{name}");
    }
}
