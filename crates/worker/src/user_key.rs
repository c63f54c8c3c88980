//! Keys of users of NATS (nkeys): the seed in a file of its user's, its public half in the server's
//! configuration. The server can't sign in as anybody, and no seed is ever printed.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nkeys::KeyPair;

/// A user's key, as far as the server must know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserKey {
    /// `U` and 55 more characters.
    pub public: String,
    /// Whether it was made just now.
    pub is_new: bool,
}

impl UserKey {
    /// The key in a file; made, readable for its owner alone, where there is no such file.
    ///
    /// Errors: the file can't be read or written, or holds no user's seed; the caller names it.
    pub fn at(path: &Path) -> io::Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let seed = seed_in(&text).ok_or(io::ErrorKind::InvalidData)?;
                let pair = KeyPair::from_seed(seed).map_err(|_| io::ErrorKind::InvalidData)?;
                Ok(Self {
                    public: pair.public_key(),
                    is_new: false,
                })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::make(path),
            Err(error) => Err(error),
        }
    }

    fn make(path: &Path) -> io::Result<Self> {
        let pair = KeyPair::new_user();
        let seed = pair.seed().map_err(io::Error::other)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        writeln!(file, "{seed}")?;
        file.sync_all()?;
        Ok(Self {
            public: pair.public_key(),
            is_new: true,
        })
    }
}

/// The seed, where a file holds a user's seed and nothing else (a credentials file holds a JWT too).
pub(crate) fn seed_in(text: &str) -> Option<&str> {
    let seed = text.trim();
    (seed.starts_with("SU") && seed.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(seed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_with_a_seed_and_nothing_else_is_taken_for_one() {
        assert_eq!(seed_in(" SUAB23\n"), Some("SUAB23"));
        for other in ["", "SAAB23", "-----BEGIN NATS USER JWT-----\nSUAB", "SU AB"] {
            assert_eq!(seed_in(other), None, "{other}");
        }
    }
}
