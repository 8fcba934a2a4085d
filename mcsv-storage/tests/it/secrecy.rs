use std::error::Error as StdError;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use mcsv_storage::{FetchPolicy, Fetcher, ObjectKey, SigningKeys, Store};
use tower::ServiceExt;
use tracing::Subscriber;
use tracing::instrument::WithSubscriber;
use tracing_subscriber::fmt::format::FmtSpan;

#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Writes all there is to say into it.
    pub(crate) fn subscriber(&self) -> impl Subscriber + Send + Sync + use<> {
        let writer = self.clone();
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

#[tokio::test]
async fn no_log_line_error_or_debug_text_holds_a_signature() {
    let log = Log::default();
    let subscriber = log.subscriber();
    let texts = async {
        let store = Store::from_url("memory:").unwrap();
        let key = ObjectKey::parse("k").unwrap();
        let signer = store.signer(SigningKeys::random().unwrap());
        let signer = signer.with_public_base("http://127.0.0.1:9").unwrap();
        let get = signer.presign_get(&key).sign().unwrap();
        let put = signer.presign_put(&key).sign().unwrap();
        let mut texts = vec![format!("{get:?} {put:?} {signer:?} {:?}", signer.service())];

        for link in [&get, &put] {
            let request = Request::builder().method(link.method()).uri(link.url());
            let request = request.body(Full::<Bytes>::default()).unwrap();
            texts.push(format!("{:?}", signer.service().oneshot(request).await.unwrap()));
        }
        // Nobody listens at port 9; other addresses are refused.
        let fetcher =
            Fetcher::new(FetchPolicy::new().allow_origin("http://127.0.0.1:9").unwrap()).unwrap();
        let away = get.url().replace(":9", ":10");
        for url in [get.url(), &away] {
            let error = fetcher.get(url).await.unwrap_err();
            texts.push(everything(&error));
            texts.push(everything(&fetcher.put(url, "x").await.unwrap_err()));
            texts.push(format!("{:?}", fetcher.get(url)));
        }
        let token = |url: &str| url.split_once("sig=").unwrap().1.to_owned();
        (texts, [token(get.url()), token(put.url())])
    };
    let (texts, tokens) = texts.with_subscriber(subscriber).await;

    let log = log.text();
    assert!(log.contains("signed request"), "the log is empty");
    for token in tokens {
        // The end is the signature; even a part of it would be too much.
        let tail = &token[token.len() - 20..];
        assert!(!log.contains(tail), "{log}");
        texts.iter().for_each(|text| assert!(!text.contains(tail), "{text}"));
    }
}

pub(crate) fn everything(error: &mcsv_storage::Error) -> String {
    let causes = std::iter::successors(Some(error as &dyn StdError), |cause| (*cause).source());
    causes.map(|cause| format!("{cause} {cause:?}\n")).collect()
}
