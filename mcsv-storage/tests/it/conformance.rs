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

/// What opendal's own memory does not keep: facts beside the bytes.
const GAPS: &[&str] = &[
    "records_what_it_was_told",
    "replaces_the_whole_object",
    "keeps_what_else_it_was_told",
    "reads_only_what_is_new",
    "reads_only_the_demanded_version",
    "leaves_out_what_is_young",
    "a_copy_has_all_of_its_source",
    "a_signed_get_answers_head_and_ranges",
];

/// A program's own service, by its URL: opendal's memory under another name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_service_of_opendal_conforms_as_far_as_it_can() {
    opendal::OperatorRegistry::get().register::<opendal::services::Memory>("elsewhere");
    if let Err(failure) =
        testing::conformance_without(|| Store::from_url("elsewhere:///"), GAPS).await
    {
        panic!("{failure}: {:?}", failure.source());
    }
}
