use mcsv_storage::{ErrorKind, FetchPolicy, Fetcher};

const INSIDE: [[u8; 4]; 24] = [
    [0, 0, 0, 0],
    [0, 1, 2, 3],
    [10, 0, 0, 1],
    [10, 255, 255, 255],
    [100, 64, 0, 1],
    [100, 100, 100, 200],
    [127, 0, 0, 1],
    [127, 255, 255, 254],
    [168, 63, 129, 16],
    [169, 254, 0, 1],
    [169, 254, 169, 254],
    [172, 16, 0, 1],
    [172, 31, 255, 255],
    [192, 0, 0, 192],
    [192, 0, 2, 1],
    [192, 88, 99, 1],
    [192, 168, 0, 1],
    [192, 168, 255, 255],
    [198, 18, 0, 1],
    [198, 51, 100, 1],
    [203, 0, 113, 1],
    [224, 0, 0, 1],
    [240, 0, 0, 1],
    [255, 255, 255, 255],
];

/// The ways in which URL parsers and resolvers are known to read one IPv4 address.
fn spellings([a, b, c, d]: [u8; 4]) -> Vec<String> {
    let whole = u32::from_be_bytes([a, b, c, d]);
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    let last_three = whole & 0xff_ffff;
    vec![
        format!("{a}.{b}.{c}.{d}"),
        format!("{a}.{b}.{c}.{d}."),
        format!("{whole}"),
        format!("{whole:#x}"),
        format!("{whole:#X}").replace("0X", "0x"),
        format!("0{whole:o}"),
        format!("0000000{whole:o}"),
        format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("{a}.{b:#x}.0{c:o}.{d}"),
        format!("{a}.{last_three}"),
        format!("{a}.{b}.{low}"),
        format!("{a:#x}.{last_three:#x}"),
        format!("%{:02x}{}", a.to_string().as_bytes()[0], &format!("{a}.{b}.{c}.{d}")[1..]),
        format!("{a}。{b}。{c}。{d}"),
        format!("{a}．{b}．{c}．{d}"),
        format!("[::ffff:{a}.{b}.{c}.{d}]"),
        format!("[::FFFF:{high:x}:{low:x}]"),
        format!("[0:0:0:0:0:ffff:{high:04x}:{low:04x}]"),
        format!("[::{high:x}:{low:x}]"),
        format!("[::{a}.{b}.{c}.{d}]"),
        format!("[64:ff9b::{high:x}:{low:x}]"),
        format!("[64:ff9b::{a}.{b}.{c}.{d}]"),
        format!("[64:ff9b:1::{high:x}:{low:x}]"),
        format!("[2002:{high:x}:{low:x}::1]"),
        format!("[2001:0:{high:x}:{low:x}::1]"),
        format!("[2001:db8::5efe:{a}.{b}.{c}.{d}]"),
        format!("[2a00:1450::5efe:{a}.{b}.{c}.{d}]"),
    ]
}

const OTHERS: [&str; 22] = [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "①②⑦.⓪.⓪.①",
    "[::1]",
    "[::]",
    "[0:0:0:0:0:0:0:1]",
    "[fe80::1]",
    "[febf::1]",
    "[fec0::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fdff::1]",
    "[ff02::1]",
    "[100::1]",
    "[2001::1]",
    "[2001:2::1]",
    "[2001:10::1]",
    "[2001:db8::1]",
    "[3fff::1]",
    "[5f00::1]",
    "[4000::1]",
];

/// Every inner address in every spelling.
pub(crate) fn inner_hosts() -> Vec<String> {
    INSIDE.into_iter().flat_map(spellings).chain(OTHERS.map(str::to_owned)).collect()
}

#[tokio::test]
async fn no_spelling_of_an_inner_address_is_fetched() {
    let fetcher = Fetcher::new(FetchPolicy::new().allow_public().with_redirects(5)).unwrap();
    let hosts = inner_hosts();
    assert!(hosts.len() > 600);

    for host in hosts {
        for url in [format!("http://{host}/"), format!("https://{host}/latest?x=1")] {
            let kind = fetcher.get(&url).await.unwrap_err().kind();
            // What the standard's parser does not take as a URL goes nowhere either.
            assert!(
                matches!(kind, ErrorKind::Refused | ErrorKind::InvalidOption),
                "{url}: {kind:?}"
            );
            let kind = fetcher.put(&url, "x").await.unwrap_err().kind();
            assert!(
                matches!(kind, ErrorKind::Refused | ErrorKind::InvalidOption),
                "{url}: {kind:?}"
            );
        }
    }
}

#[tokio::test]
async fn only_plain_http_urls_are_fetched() {
    let policy = FetchPolicy::new().allow_public().allow_origin("http://127.0.0.1:8081").unwrap();
    let fetcher = Fetcher::new(policy).unwrap();
    let refused = [
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:8081/",
        "data:text/plain,x",
        "http://user@127.0.0.1:8081/",
        "http://user:pass@127.0.0.1:8081/",
        "http://127.0.0.1:8081@10.0.0.1/",
        "http://10.0.0.1#@127.0.0.1:8081/",
        "http://10.0.0.1\\@127.0.0.1:8081/",
        "http://127.0.0.1:8082/",
        "https://127.0.0.1:8081/",
        "http://127.0.0.2:8081/",
        "http://localhost:8081/",
        "http://93.184.215.14:22/",
        "http://93.184.215.14:443/",
        "https://93.184.215.14:80/",
    ];
    for url in refused {
        let error = fetcher.get(url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{url}: {error}");
    }
    for no_url in ["", "/relative", "example.com", "http://", "http://a b/", "http://[::1/"] {
        let error = fetcher.get(no_url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidOption, "{no_url}: {error}");
    }
}

#[tokio::test]
async fn a_new_policy_allows_nothing() {
    let fetcher = Fetcher::new(FetchPolicy::new()).unwrap();
    for url in ["http://93.184.215.14/", "https://example.com/", "http://127.0.0.1/"] {
        assert!(fetcher.get(url).await.unwrap_err().is_refused(), "{url}");
    }
}

#[test]
fn an_allowed_origin_is_exactly_one_server() {
    let bad =
        ["", "host:80", "ftp://h", "http://u@h", "http://h/path", "http://h/?x", "http://h/#x"];
    for bad in bad {
        let policy = FetchPolicy::new().allow_origin(bad);
        assert_eq!(policy.unwrap_err().kind(), ErrorKind::Config, "{bad}");
    }
}
