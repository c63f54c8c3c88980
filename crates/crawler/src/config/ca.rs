//! Certificate authorities of the operator's own.
//!
//! In: a file in PEM. Out: certificates for the client. Whether they are any good shows when the client
//! is built.

use std::path::Path;

use reqwest::Certificate;

/// What a file of certificate authorities holds, one at least.
#[derive(Debug, Clone)]
pub struct CaFile(Vec<Certificate>);

impl CaFile {
    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self, String> {
        let pem = std::fs::read(path).map_err(|error| format!("it can't be read: {error}"))?;
        match Certificate::from_pem_bundle(&pem) {
            Ok(certificates) if !certificates.is_empty() => Ok(Self(certificates)),
            _ => Err("it holds no certificates in PEM (-----BEGIN CERTIFICATE-----)".to_owned()),
        }
    }

    pub(crate) fn certificates(&self) -> impl Iterator<Item = Certificate> {
        self.0.iter().cloned()
    }
}
