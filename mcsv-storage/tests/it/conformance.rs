use std::cell::RefCell;
use std::error::Error as _;

use mcsv_storage::{Result, Store, testing};

async fn check(fresh: impl Fn() -> Result<Store>) {
    if let Err(failure) = testing::conformance(fresh).await {
        panic!("{failure}: {:?}", failure.source());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_conforms() {
    check(|| Store::from_url("memory:")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_conforms() {
    let folders = RefCell::new(Vec::new());
    check(|| {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::from_url(&format!("fs://{}", folder.path().display()));
        folders.borrow_mut().push(folder);
        store
    })
    .await;
}
