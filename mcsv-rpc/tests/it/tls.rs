use mcsv_rpc::{Channel, Code, Protocol, TlsIdentity};

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
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let der = CertificateDer::from_pem_slice(chain.as_bytes()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(der.clone()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(vec![der.clone()], PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let shown = tokio::spawn(async move {
        let (connection, _) = listener.accept().await.unwrap();
        let connection = acceptor.accept(connection).await.unwrap();
        let shown = connection.get_ref().1.peer_certificates();
        shown.map(|chain| chain[0].clone().into_owned())
    });

    let channel = Channel::connect(url).unwrap().with_tls_roots(&chain).unwrap();
    let channel = channel.with_tls_identity(&chain, &key).unwrap();
    // It hangs up after the handshake.
    EchoClient::from_channel(channel).echo(ping("")).await.unwrap_err();
    assert_eq!(shown.await.unwrap(), Some(der));
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
