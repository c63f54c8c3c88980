//! Certificates of the test's own making, for a fake web site over TLS.
//!
//! In: names. Out: a certificate authority to be trusted, or not, and certificates by it. Nothing
//! here is kept: a new authority is as unknown to the world as the last one.

use std::fmt;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

/// Who signs certificates.
pub struct TestCa(CertifiedIssuer<'static, KeyPair>);

impl TestCa {
    /// A new one.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(params, new_key());
        Self(issuer.expect("a certificate authority"))
    }

    /// Its own certificate, as a file of trusted ones holds it.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// For these names or addresses (`localhost`, `127.0.0.1`).
    pub fn certificate(&self, names: &[&str]) -> ServerCertificate {
        self.sign(&params(names))
    }

    /// The same for a server that reads files: the certificate and its key, both as PEM.
    pub fn certificate_pem(&self, names: &[&str]) -> (String, String) {
        let key = new_key();
        let certificate = params(names).signed_by(&key, &self.0);
        let certificate = certificate.expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }

    /// One that was good until the year 2001.
    pub fn expired_certificate(&self, names: &[&str]) -> ServerCertificate {
        let mut params = params(names);
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 1);
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> ServerCertificate {
        let key = new_key();
        let certificate = params.signed_by(&key, &self.0).expect("a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("the key that was made");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("a version that the provider knows")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("the key of the certificate");
        config.alpn_protocols = vec![H2.to_vec(), b"http/1.1".to_vec()];
        ServerCertificate(config)
    }
}

impl Default for TestCa {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TestCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TestCa")
    }
}

/// What a site shows to its visitors, and the protocols that it offers: HTTP/2 and HTTP/1.1.
#[derive(Debug, Clone)]
pub struct ServerCertificate(ServerConfig);

impl ServerCertificate {
    /// Offers HTTP/1.1 only.
    #[must_use]
    pub fn without_http2(mut self) -> Self {
        self.0.alpn_protocols.retain(|name| name != H2);
        self
    }

    pub(crate) fn acceptor(self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::new(self.0))
    }
}

/// HTTP/2's name when protocols are agreed on (RFC 9113, section 3.2).
pub(crate) const H2: &[u8] = b"h2";

fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    CertificateParams::new(names).expect("names that a certificate can hold")
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("a key")
}
