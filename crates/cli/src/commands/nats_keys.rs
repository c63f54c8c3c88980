//! `speechmill nats-keys`: a key for each user of NATS that speechmill knows, made or found again.
//!
//! In: a folder. Out: a file with a secret seed for each user, and lines for `.env` with the public
//! halves, which `deploy/nats-secure.conf` reads. No server is asked.

use std::io::ErrorKind;
use std::path::PathBuf;

use serde_json::json;
use worker::{UserKey, permissions};

use crate::exit::{End, Usage};
use crate::output;

/// Make a key for each user of NATS, or find them again.
#[derive(clap::Args)]
#[command(
    after_help = "The folder gets crawler.nk, extractor.nk and so on, readable for you alone; a role is given its own
with SPEECHMILL_NATS_CREDS. What is printed is no secret: NATS is told it. A second run prints the
same lines. Example:
  speechmill nats-keys ./keys >> .env"
)]
pub(crate) struct Args {
    /// The folder; made where there is none
    folder: PathBuf,

    /// Print JSON, one key a line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<End> {
    let folder = &args.folder;
    std::fs::create_dir_all(folder)
        .map_err(|error| Usage(format!("{} can't be made: {error}", folder.display())))?;
    for user in permissions::USERS {
        let path = folder.join(format!("{user}.nk"));
        let key = UserKey::at(&path).map_err(|error| {
            let what = match error.kind() {
                ErrorKind::InvalidData => "it holds something else than a seed".to_owned(),
                _ => error.to_string(),
            };
            Usage(format!("{} can't be used: {what}", path.display()))
        })?;
        if args.json {
            output::json(&json!({
                "user": user,
                "public": key.public,
                "file": path,
                "is_new": key.is_new,
            }))?;
        } else {
            let name = user.to_uppercase();
            output::line(format!("SPEECHMILL_NKEY_{name}={}", key.public))?;
        }
    }
    Ok(End::Done)
}
