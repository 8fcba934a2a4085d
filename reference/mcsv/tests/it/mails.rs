use std::collections::BTreeSet;

use crate::process::{files, mcsv};
use crate::stack::Five;

#[test]
fn many_users_get_one_welcome_mail_each() {
    let five = Five::start();
    let mut command = mcsv(&["users", "create", "--count", "200", "--concurrency", "50"]);

    let output = five.configure(&mut command).output().unwrap();

    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    five.process("client").wait_for_message(200, "notification received");
    let mails = files(&five.data().join("outbox"), "eml");
    assert_eq!(mails.len(), 200);
    let receivers: BTreeSet<_> = mails.iter().map(|path| receiver(path)).collect();
    assert_eq!(receivers.len(), 200);
}

fn receiver(path: &std::path::Path) -> String {
    let mail = std::fs::read_to_string(path).unwrap();
    let to = mail.lines().find(|line| line.starts_with("To: ")).expect("a mail has a receiver");
    to.to_owned()
}
