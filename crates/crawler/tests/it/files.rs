//! Files that options name, readable by nobody else; gone when they are dropped.

use std::io::Write;

use tempfile::NamedTempFile;

pub(crate) fn with(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}
