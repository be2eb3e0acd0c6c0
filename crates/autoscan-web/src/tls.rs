//! TLS, for those who have no reverse proxy in front.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use autoscan_core::secret::Secret;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{Error, ServerConfig};
use tokio_rustls::server::TlsStream;

/// A greeting must be whole by then.
const GREETING: Duration = Duration::from_secs(15);
/// The first byte of every greeting.
const HANDSHAKE: u8 = 0x16;
/// What somebody is told who does not handshake at all.
const NOT_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: 96\r\n\r\n\
    {\"error\":\"This port speaks HTTPS only: begin the address with https://\",\"code\":\"BAD_REQUEST\"}   ";

/// A certificate and its key.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

impl Tls {
    /// Reads the PEM files of the certificate, with those that lead to its authority, and of its key.
    ///
    /// # Errors
    /// What is wrong, as a sentence that continues `tls: `.
    pub fn new(cert: &[u8], key: &Secret) -> Result<Self, String> {
        let certs = CertificateDer::pem_slice_iter(cert).collect::<Result<Vec<_>, _>>();
        let certs = certs.map_err(|error| format!("the certificate cannot be read as PEM: {error}"))?;
        if certs.is_empty() {
            return Err("the file of the certificate holds none: it begins with -----BEGIN CERTIFICATE-----"
                .to_owned());
        }
        let key = PrivateKeyDer::from_pem_slice(key.reveal().as_bytes()).map_err(|_holds_the_key| {
            "the file of the key holds none that can be read: it begins with -----BEGIN PRIVATE KEY-----, and has no password"
                .to_owned()
        })?;
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_single_cert(certs, key);
        let mut config = config.map_err(|error| match error {
            Error::InconsistentKeys(_) => "the key is not that of the certificate".to_owned(),
            other => format!("the certificate or its key cannot be used: {other}"),
        })?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Greets. None when the other end does not speak TLS, which it is told, or takes too long.
    pub(crate) async fn handshake(&self, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        tokio::time::timeout(GREETING, self.handshake_in_time(stream)).await.ok()?.ok()
    }

    async fn handshake_in_time(&self, mut stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let mut first = [0];
        stream.peek(&mut first).await?;
        if first[0].is_ascii_uppercase() && first[0] != HANDSHAKE {
            stream.write_all(NOT_TLS).await?;
            stream.shutdown().await?;
            // What was sent is read, or the answer would be lost with it.
            let mut rest = [0; 4096];
            while tokio::io::AsyncReadExt::read(&mut stream, &mut rest).await? > 0 {}
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.0.accept(stream).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_the_files_is_said() {
        let made = |name: &str| rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let (one, other) = (made("one"), made("other"));
        let (cert, key) = (one.cert.pem(), one.signing_key.serialize_pem());
        assert!(Tls::new(cert.as_bytes(), &Secret::new(key.clone())).is_ok());
        for (cert, key, why) in [
            ("", key.as_str(), "holds none"),
            ("nonsense", &key, "holds none"),
            ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", &key, "PEM"),
            (&cert, "", "the key holds none"),
            (&cert, &cert, "the key holds none"),
            (&cert, &other.signing_key.serialize_pem(), "not that of the certificate"),
        ] {
            let fault = Tls::new(cert.as_bytes(), &Secret::new(key)).err().unwrap_or_default();
            assert!(fault.contains(why), "{why}: {fault}");
        }
    }

    #[test]
    fn whoever_speaks_plain_http_is_told_so_whole() {
        let text = std::str::from_utf8(NOT_TLS).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{}", body.len());
        assert!(serde_json::from_str::<serde_json::Value>(body).is_ok());
    }
}
