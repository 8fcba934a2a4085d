use mcsv_rpc::{Channel, Code, Cx, Next, PeerCertificate, Protocol, TlsIdentity};

use crate::app::{App, EchoClient, Running, ping};

/// A server with a certificate of its own for `localhost`, and that certificate.
async fn secured() -> (Running, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let identity = TlsIdentity::from_pem(&certificate, key).unwrap();
    let running =
        Running::start_with(App::default().router(), |server| server.with_tls(identity)).await;
    (running, certificate)
}

fn url(running: &Running) -> String {
    running.url.replace("http://127.0.0.1", "https://localhost")
}

#[tokio::test]
async fn every_protocol_goes_over_tls() {
    let (running, certificate) = secured().await;
    let channel = Channel::connect(url(&running)).unwrap().with_tls_roots(certificate).unwrap();
    for (protocol, version) in [
        (Protocol::Twirp, http::Version::HTTP_11),
        (Protocol::Connect, http::Version::HTTP_11),
        (Protocol::Grpc, http::Version::HTTP_2),
    ] {
        let client = EchoClient::from_channel(channel.clone().with_protocol(protocol));
        let answer = client.echo(ping("hi")).into_response().await.unwrap();
        assert_eq!(answer.version(), version);
        assert_eq!(answer.into_body(), ping("hi"));
    }
}

#[tokio::test]
async fn a_server_that_no_authority_vouches_for_is_not_trusted() {
    let (running, _) = secured().await;
    let client = EchoClient::connect(url(&running)).unwrap();
    assert_eq!(client.echo(ping("hi")).await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn a_client_without_tls_is_turned_away_and_harms_nobody() {
    let (running, certificate) = secured().await;
    assert!(running.client().echo(ping("hi")).await.is_err());
    let channel = Channel::connect(url(&running)).unwrap().with_tls_roots(certificate).unwrap();
    EchoClient::from_channel(channel).echo(ping("hi")).await.unwrap();
}

#[tokio::test]
async fn certificates_that_can_t_be_read_are_refused_at_once() {
    let one = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["b".to_owned()]).unwrap();
    let key = other.signing_key.serialize_pem();
    for (chain, key) in [("", &*key), (&*one.cert.pem(), ""), (&one.cert.pem(), &key)] {
        let error = TlsIdentity::from_pem(chain, key).unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(!format!("{error:?}").contains("PRIVATE"), "{error:?}");
    }
    assert!(Channel::connect("https://localhost").unwrap().with_tls_roots("").is_err());
}

#[tokio::test]
async fn a_client_proves_its_name_to_a_server_that_asks() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let identity = TlsIdentity::from_pem(&chain, &key).unwrap().with_client_roots(&chain).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let app = App::default().router().rpc_layer(move |cx: Cx, next: Next| {
        let shown = cx.extensions().get::<PeerCertificate>().map(|peer| peer.der().to_vec());
        tell.send(shown).unwrap();
        next.run(cx)
    });
    let running = Running::start_with(app, |server| server.with_tls(identity)).await;
    let channel = Channel::connect(url(&running)).unwrap().with_tls_roots(&chain).unwrap();

    let channel = channel.with_tls_identity(&chain, &key).unwrap();
    EchoClient::from_channel(channel).echo(ping("hi")).await.unwrap();

    assert_eq!(told.recv().unwrap().as_deref(), Some(&made.cert.der()[..]));
}

#[tokio::test]
async fn a_client_s_identity_that_can_t_be_used_is_refused_at_once() {
    let one = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["b".to_owned()]).unwrap();
    let key = other.signing_key.serialize_pem();
    for (chain, key) in [("", &*key), (&*one.cert.pem(), ""), (&one.cert.pem(), &key)] {
        let channel = Channel::connect("https://localhost").unwrap();
        let error = channel.with_tls_identity(chain, key).unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(!format!("{error:?}").contains("PRIVATE"), "{error:?}");
    }
}

/// What a client without a certificate gets of a server with `identity`.
async fn called_by_a_stranger(identity: TlsIdentity, certificate: &str) -> Result<(), Code> {
    let running =
        Running::start_with(App::default().router(), |server| server.with_tls(identity)).await;
    let channel = Channel::connect(url(&running)).unwrap().with_tls_roots(certificate).unwrap();
    let answer = EchoClient::from_channel(channel).echo(ping("hi")).await;
    answer.map(drop).map_err(|error| error.code())
}

#[tokio::test]
async fn a_client_without_a_certificate_is_served_only_where_it_needs_none() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let identity = TlsIdentity::from_pem(&certificate, key).unwrap();
    assert!(identity.clone().with_client_roots("").is_err());
    let strict = identity.clone().with_client_roots(&certificate).unwrap();
    assert_eq!(called_by_a_stranger(strict, &certificate).await, Err(Code::Unavailable));
    let lenient = identity.with_optional_client_roots(&certificate).unwrap();
    assert_eq!(called_by_a_stranger(lenient, &certificate).await, Ok(()));
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_without_a_restart() {
    let made = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (old, new) = (made(), made());
    let identity = TlsIdentity::from_pem(old.cert.pem(), old.signing_key.serialize_pem()).unwrap();
    let serving = identity.clone();
    let running =
        Running::start_with(App::default().router(), |server| server.with_tls(serving)).await;
    let call = async |roots: String| {
        let channel = Channel::connect(url(&running)).unwrap().with_tls_roots(roots).unwrap();
        EchoClient::from_channel(channel).echo(ping("hi")).await
    };
    call(old.cert.pem()).await.unwrap();
    identity.renew(new.cert.pem(), new.signing_key.serialize_pem()).unwrap();
    call(new.cert.pem()).await.unwrap();
    assert!(call(old.cert.pem()).await.is_err());
}
