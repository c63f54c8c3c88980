//! Finds the executables of nats-server and Meilisearch.
//!
//! In: the environment. Out: a path. The order is: the variable, PATH, the folder `.tools` that
//! `cargo xtask tools` fills. It never downloads anything.

use std::env;
use std::path::{Path, PathBuf};

use crate::ServerError;

/// Names the folder that `cargo xtask tools` fills, when it is not `.tools` above the current one.
pub const TOOLS_VARIABLE: &str = "SPEECHMILL_TOOLS";
/// Names the nats-server executable.
pub const NATS_VARIABLE: &str = "NATS_SERVER_BIN";
/// Names the Meilisearch executable.
pub const MEILI_VARIABLE: &str = "MEILISEARCH_BIN";

/// The path of nats-server.
pub fn nats_server() -> Result<PathBuf, ServerError> {
    find("nats-server", NATS_VARIABLE)
}

/// The path of Meilisearch.
pub fn meilisearch() -> Result<PathBuf, ServerError> {
    find("meilisearch", MEILI_VARIABLE)
}

/// The executable that the variable names or that is on PATH; None when neither is there.
///
/// Errors: [`ServerError::BinaryUnusable`] when the variable is set to something else.
pub fn installed(
    name: &'static str,
    variable: &'static str,
) -> Result<Option<PathBuf>, ServerError> {
    if let Some(path) = env::var_os(variable).filter(|value| !value.is_empty()) {
        let path = PathBuf::from(path);
        return if is_executable(&path) {
            Ok(Some(path))
        } else {
            Err(ServerError::BinaryUnusable { variable, path })
        };
    }
    Ok(env::var_os("PATH").and_then(|path| in_folders(env::split_paths(&path), name)))
}

fn find(name: &'static str, variable: &'static str) -> Result<PathBuf, ServerError> {
    match installed(name, variable)? {
        Some(path) => Ok(path),
        None => {
            in_folders(tools_folders(), name).ok_or(ServerError::BinaryMissing { name, variable })
        }
    }
}

fn tools_folders() -> Vec<PathBuf> {
    if let Some(folder) = env::var_os(TOOLS_VARIABLE).filter(|value| !value.is_empty()) {
        return vec![PathBuf::from(folder)];
    }
    env::current_dir().map_or_else(
        |_| Vec::new(),
        |current| current.ancestors().map(|dir| dir.join(".tools")).collect(),
    )
}

fn in_folders(folders: impl IntoIterator<Item = PathBuf>, name: &str) -> Option<PathBuf> {
    folders
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_may_not_be_executed_is_not_taken_for_the_server() {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        assert_eq!(in_folders([sources], "lib.rs"), None);
    }

    #[test]
    fn the_first_folder_that_has_the_executable_wins() {
        let found = in_folders(["/nonexistent".into(), "/bin".into()], "sh");
        assert_eq!(found, Some(PathBuf::from("/bin/sh")));
    }

    #[test]
    fn the_error_for_a_missing_binary_says_what_to_do() {
        let error = ServerError::BinaryMissing {
            name: "nats-server",
            variable: NATS_VARIABLE,
        };
        assert!(error.to_string().contains("cargo xtask tools"));
        assert!(error.to_string().contains("NATS_SERVER_BIN"));
        assert_eq!(error.code(), "binary_missing");
    }
}
