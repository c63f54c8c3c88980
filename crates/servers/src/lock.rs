//! Keeps a data folder to one server.
//!
//! Two servers in one folder destroy it, and a server outlives us when we are killed. So the lock
//! file becomes the server's standard input: the lock belongs to the open file, and lives as long
//! as the server does, whatever happens to us.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;

use crate::ServerError;

const LOCK_FILE: &str = "server.lock";

/// A locked data folder.
#[derive(Debug)]
pub(crate) struct DataLock(File);

impl DataLock {
    /// Creates the folder if need be and locks it.
    pub(crate) fn take(name: &'static str, data: &Path) -> Result<Self, ServerError> {
        let doing = || format!("locking {}", data.display());
        std::fs::create_dir_all(data).map_err(ServerError::io(doing()))?;
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(data.join(LOCK_FILE))
            .map_err(ServerError::io(doing()))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let known = file.read_to_string(&mut pid).is_ok() && !pid.trim().is_empty();
                Err(ServerError::DataInUse {
                    name,
                    data: data.to_owned(),
                    pid: if known {
                        pid.trim().to_owned()
                    } else {
                        "unknown".to_owned()
                    },
                })
            }
            Err(TryLockError::Error(source)) => Err(ServerError::io(doing())(source)),
        }
    }

    /// The standard input for the server.
    pub(crate) fn as_stdin(&self) -> Result<Stdio, ServerError> {
        self.0
            .try_clone()
            .map(Stdio::from)
            .map_err(ServerError::io("passing on the lock"))
    }

    /// Writes down who has the folder now. Only the server holds the lock after this.
    pub(crate) fn hand_over(mut self, pid: Option<u32>) {
        let text = pid.map_or_else(String::new, |pid| format!("{pid}\n"));
        // It only serves the error message of the next one who comes.
        let _ = self
            .0
            .set_len(0)
            .and_then(|()| self.0.write_all(text.as_bytes()));
    }
}
