use mcsv_storage::{ObjectKey, Signer, SigningKeys, Store};

/// A store in memory with one object, and its signer.
pub(super) async fn world() -> (Store, Signer) {
    let store = Store::from_url("memory:").expect("it is one");
    let key = ObjectKey::parse("a/b.txt").expect("it is one");
    store.put(&key, "0123456789").content_type("text/plain").await.expect("there is memory");
    let keys = SigningKeys::parse("k:bm90LWEtcmVhbC1rZXktYnV0LTMyLWJ5dGVzLWxvbmc=");
    let signer = store.signer(keys.expect("they are")).with_public_base("http://host/files");
    (store, signer.expect("it is one"))
}

pub(super) fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("it needs no resources").block_on(work)
}
