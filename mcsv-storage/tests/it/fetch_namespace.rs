//! The guarded fetcher in a network where every address of the world leads to this process: whom
//! it connects to is seen from the other end.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::env;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use mcsv_storage::{ErrorKind, FetchPolicy, Fetcher};
use tokio::net::{TcpListener, UdpSocket};

use crate::addresses::inner_hosts;
use crate::processes::{again, answers};

const TEST: &str = "fetch_namespace::no_url_leads_to_an_inner_address";
const ROLE: &str = "MCSV_STORAGE_RESOLV_CONF";
/// Every address is one of this machine; names are asked of this test.
const SCRIPT: &str = "ip link set lo up && ip route add local 0.0.0.0/0 dev lo \
    && ip -6 route add local ::/0 dev lo \
    && mount --bind \"$MCSV_STORAGE_RESOLV_CONF\" /etc/resolv.conf && exec \"$@\"";

const PUBLIC: IpAddr = IpAddr::V4(Ipv4Addr::new(93, 184, 215, 14));
const PUBLIC_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2606, 0x2800, 0x21f, 0, 0, 0, 0, 1));
const INNER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const PORTS: [u16; 6] = [22, 80, 443, 6379, 8080, 8081];

#[test]
fn no_url_leads_to_an_inner_address() {
    if env::var_os(ROLE).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        return runtime.block_on(try_every_url());
    }
    if !answers("unshare", &["-rnm", "ip", "link", "set", "lo", "up"]) {
        eprintln!(
            "connections are not watched: this machine lets nobody have a network of his own"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let conf = folder.path().join("resolv.conf");
    std::fs::write(&conf, "nameserver 127.0.0.1\noptions timeout:20 attempts:1\n").unwrap();
    let wrapper = ["unshare", "-rnm", "sh", "-c", SCRIPT, "sh"];
    let status = again(&wrapper, TEST, ROLE, conf.to_str().unwrap()).status();
    assert!(status.unwrap().success());
}

async fn try_every_url() {
    let hosts: Arc<[String]> = inner_hosts().into();
    let reached = Reached::default();
    for port in PORTS {
        listen(port, Arc::clone(&hosts), reached.clone()).await;
    }
    tokio::spawn(answer_names(UdpSocket::bind("127.0.0.1:53").await.unwrap()));
    let policy = FetchPolicy::new().allow_public().with_redirects(3);
    let fetcher = Fetcher::new(policy).unwrap();

    // Without these the test would also pass in a network where nothing can be reached.
    for url in ["http://93.184.215.14/", "http://public.test/", "http://[2606:2800:21f::1]/"] {
        assert_eq!(fetcher.get(url).await.unwrap().bytes().await.unwrap(), "reached");
    }
    assert_eq!(reached.take(), BTreeSet::from([PUBLIC, PUBLIC_V6]));

    for (number, host) in hosts.iter().enumerate() {
        for url in urls(host) {
            assert!(fetcher.get(&url).await.is_err(), "{url}");
            assert!(fetcher.put(&url, "x").await.is_err(), "{url}");
        }
        assert_eq!(reached.take_inner(), BTreeSet::new(), "{host}");
        let redirect = format!("http://public.test/to/{number}");
        assert!(fetcher.get(&redirect).await.is_err(), "by a redirect: {host}");
        assert_eq!(reached.take_inner(), BTreeSet::new(), "by a redirect: {host}");
    }
    for name in ["inner", "meta", "six", "mapped", "both", "nat64"] {
        for url in urls(&format!("{name}.test")) {
            let error = fetcher.get(&url).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Refused, "{url}: {error}");
        }
    }
    assert_eq!(reached.take_inner(), BTreeSet::new(), "by a name");
    rebind(&reached).await;

    let closed = Fetcher::new(FetchPolicy::new()).unwrap();
    assert!(closed.get("http://93.184.215.15/").await.is_err());
    assert_eq!(reached.take_inner(), BTreeSet::new(), "without an allowance");
}

fn urls(host: &str) -> [String; 5] {
    [
        format!("http://{host}/latest/meta-data"),
        format!("https://{host}/"),
        format!("http://{host}:8080/"),
        format!("http://{host}:22/"),
        format!("http://93.184.215.14@{host}/"),
    ]
}

/// A name whose address is public when it is first asked for, and then is not.
async fn rebind(reached: &Reached) {
    let mut fetched = 0;
    for _ in 0..4 {
        // Each time a fetcher without connections.
        let fetcher = Fetcher::new(FetchPolicy::new().allow_public()).unwrap();
        fetched += u32::from(fetcher.get("http://rebind.test/").await.is_ok());
    }
    assert_eq!(fetched, 1, "the first answer is public, the others are not");
    assert_eq!(reached.take(), BTreeSet::from([PUBLIC]));
}

/// The addresses at which a connection arrived.
#[derive(Clone, Default)]
struct Reached(Arc<Mutex<BTreeSet<IpAddr>>>);

impl Reached {
    fn take(&self) -> BTreeSet<IpAddr> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// All but those that may be reached: a client may open a connection beside the one that it uses,
    /// and such a one arrives when it likes.
    fn take_inner(&self) -> BTreeSet<IpAddr> {
        let mut inner = self.take();
        inner.retain(|address| ![PUBLIC, PUBLIC_V6].contains(address));
        inner
    }
}

async fn listen(port: u16, hosts: Arc<[String]>, reached: Reached) {
    let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await.unwrap();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let at = socket.local_addr().unwrap().ip().to_canonical();
            reached.0.lock().unwrap().insert(at);
            let hosts = Arc::clone(&hosts);
            let answer = service_fn(move |request: Request<Incoming>| {
                let answer = answer(request.uri().path(), &hosts);
                async { Ok::<_, Infallible>(answer) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), answer));
        }
    });
}

fn answer(path: &str, hosts: &[String]) -> Response<Full<Bytes>> {
    let number = path.strip_prefix("/to/").and_then(|number| number.parse::<usize>().ok());
    let Some(number) = number else { return Response::new(Full::from("reached")) };
    let location = format!("http://{}/", hosts[number]);
    let mut answer = Response::builder().status(302);
    // A redirect to what no header can hold goes nowhere by itself.
    if let Ok(location) = http::HeaderValue::from_str(&location) {
        answer = answer.header("location", location);
    }
    answer.body(Full::default()).unwrap()
}

/// Answers questions for A and AAAA records, as far as a resolver asks them.
async fn answer_names(socket: UdpSocket) {
    let mut asked_to_rebind = 0;
    let mut question = [0; 512];
    loop {
        let (len, from) = socket.recv_from(&mut question).await.unwrap();
        let question = &question[..len];
        // The name's labels begin behind the header, each after its length.
        let first = &question[13..13 + usize::from(question[12])];
        let name_end = 12 + question[12..].iter().position(|byte| *byte == 0).unwrap();
        let is_v6 = question[name_end + 2] == 28;
        let addresses = match (first, is_v6) {
            (b"public", false) => vec![PUBLIC],
            (b"inner", false) => vec![INNER.into()],
            (b"meta", false) => vec![Ipv4Addr::new(169, 254, 169, 254).into()],
            (b"both", false) => vec![PUBLIC, INNER.into()],
            (b"six", true) => vec![Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254).into()],
            (b"mapped", true) => vec![INNER.to_ipv6_mapped().into()],
            (b"nat64", true) => vec![Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0xa00, 1).into()],
            (b"rebind", false) => {
                asked_to_rebind += 1;
                vec![if asked_to_rebind == 1 { PUBLIC } else { INNER.into() }]
            }
            _ => Vec::new(),
        };
        let answer = name_answer(&question[..name_end + 5], &addresses);
        socket.send_to(&answer, from).await.unwrap();
    }
}

/// An answer to one question, as of RFC 1035, section 4.
fn name_answer(question: &[u8], addresses: &[IpAddr]) -> Vec<u8> {
    let mut answer = question.to_vec();
    // An answer, with recursion; one question, some answers, nothing else.
    answer[2..4].copy_from_slice(&[0x81, 0x80]);
    answer[4..12].copy_from_slice(&[0, 1, 0, u8::try_from(addresses.len()).unwrap(), 0, 0, 0, 0]);
    for address in addresses {
        // The name of the question, class IN, to be kept for no time.
        let (kind, bytes) = match address {
            IpAddr::V4(v4) => (1, v4.octets().to_vec()),
            IpAddr::V6(v6) => (28, v6.octets().to_vec()),
        };
        answer.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 0, 0]);
        answer.push(u8::try_from(bytes.len()).unwrap());
        answer.extend(bytes);
    }
    answer
}
