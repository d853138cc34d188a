//! TLS, and whom to trust.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::address::Address;

/// How TLS is spoken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Whom to trust.
    pub trust: Trust,
    /// The name that the certificate must have, if not that of the address.
    pub server_name: Option<String>,
}

/// Whom a probe trusts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Trust {
    /// The authorities that this machine trusts.
    #[default]
    Native,
    /// Those, and what is in this file. It is read for each check: a service may have made it.
    File(PathBuf),
    /// Everyone. The connection is encrypted, nothing more.
    Anyone,
}

/// The handshake, or why it failed.
pub(super) async fn secure(
    address: &Address,
    tls: &Tls,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, String> {
    let name = tls.server_name.as_ref().unwrap_or(&address.host);
    let name = ServerName::try_from(name.clone())
        .map_err(|_| format!("{name:?} is no name that a certificate can have"))?;
    let connector = TlsConnector::from(config(&tls.trust)?);
    let connected = connector.connect(name, stream).await;
    connected.map_err(|error| format!("TLS with {address} failed: {error}"))
}

fn config(trust: &Trust) -> Result<Arc<ClientConfig>, String> {
    static NATIVE: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    static ANYONE: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    Ok(match trust {
        Trust::Native => Arc::clone(NATIVE.get_or_init(|| Arc::new(with_roots(native_roots())))),
        Trust::Anyone => Arc::clone(ANYONE.get_or_init(|| {
            let provider = provider();
            let verifier = Arc::new(Blind(Arc::clone(&provider)));
            let config = builder(provider)
                .dangerous()
                .with_custom_certificate_verifier(verifier)
                .with_no_client_auth();
            Arc::new(config)
        })),
        Trust::File(path) => {
            let unread = |error| format!("cannot read the CA file {}: {error}", path.display());
            let mut roots = native_roots();
            for certificate in CertificateDer::pem_file_iter(path).map_err(unread)? {
                let added = roots.add(certificate.map_err(unread)?);
                added.map_err(|error| format!("the CA file {}: {error}", path.display()))?;
            }
            Arc::new(with_roots(roots))
        }
    })
}

/// Read once: a machine trusts more than a hundred authorities, and checks come many times a second.
fn native_roots() -> RootCertStore {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    let read = || {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots
    };
    ROOTS.get_or_init(read).clone()
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn builder(
    provider: Arc<CryptoProvider>,
) -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has suites for the default versions")
}

fn with_roots(roots: RootCertStore) -> ClientConfig {
    builder(provider())
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Takes every certificate, but still checks that the peer has the key of the one that it shows.
#[derive(Debug)]
struct Blind(Arc<CryptoProvider>);

impl ServerCertVerifier for Blind {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
