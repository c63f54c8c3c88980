//! `speechmill keys`: the keys of Meilisearch that speechmill needs, made or found again.
//!
//! In: the master key, by environment, file or standard input: an argument would be visible to every
//! user of the machine. Out: lines for `.env`.

use std::io::Read;
use std::path::{Path, PathBuf};

use indexer::{Key, Meili, MeiliConfig, Purpose, Secret, parse_date};
use serde_json::json;
use time::format_description::well_known::Rfc3339;
use time::{Date, OffsetDateTime};

use crate::exit::{End, Usage};
use crate::output;

const VARIABLE: &str = "MEILI_MASTER_KEY";

/// Longest file that can be one of a key.
const MAX_KEY_BYTES: u64 = 64 * 1024;

/// Make the two keys of Meilisearch that speechmill needs, or find them again.
#[derive(clap::Args)]
#[command(
    after_help = "The master key is read from MEILI_MASTER_KEY; SPEECHMILL_MEILI_KEY is not used. A second run
prints the same keys. Examples:
  speechmill keys >> .env
  speechmill keys --master-key-file /run/secrets/meili_master_key
  speechmill keys --index speeches --expires 2030-01-01 --json"
)]
pub(crate) struct Args {
    /// Read the master key from this file, - for standard input
    #[arg(long, value_name = "FILE")]
    master_key_file: Option<PathBuf>,

    /// The day, in UTC, on which the keys are no longer good; they never end otherwise
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_date)]
    expires: Option<Date>,

    /// Print JSON, one key a line
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    meili: MeiliConfig,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<End> {
    if let Some(day) = args.expires
        && day <= OffsetDateTime::now_utc().date()
    {
        return Err(Usage(format!("--expires: {day} is not in the future")).into());
    }
    let mut config = args.meili;
    config.meili_key = Some(master_key(args.master_key_file.as_deref())?);
    let meili = Meili::new(&config)?;
    // Printed when all are there: half of them would look like all of them.
    let mut keys = Vec::new();
    for purpose in Purpose::ALL {
        keys.push((purpose, meili.key(purpose, args.expires).await?));
    }
    for (purpose, key) in &keys {
        print(*purpose, key, args.json)?;
    }
    Ok(End::Done)
}

/// The master key; what surrounds it is no part of it.
fn master_key(file: Option<&Path>) -> anyhow::Result<Secret> {
    let text = match file {
        Some(path) => read(path)?,
        None => std::env::var(VARIABLE).unwrap_or_default(),
    };
    let key = text.trim();
    if key.is_empty() {
        let place = file.map_or_else(
            || format!("set {VARIABLE}, or name a file with --master-key-file"),
            |path| format!("{} is empty", path.display()),
        );
        return Err(Usage(format!("there is no master key: {place}")).into());
    }
    if !key.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Usage("the master key holds characters that no key has".to_owned()).into());
    }
    Ok(Secret::from(key.to_owned()))
}

fn read(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let result = if path == Path::new("-") {
        std::io::stdin()
            .take(MAX_KEY_BYTES)
            .read_to_string(&mut text)
    } else {
        std::fs::File::open(path)
            .and_then(|file| file.take(MAX_KEY_BYTES).read_to_string(&mut text))
    };
    match result {
        Ok(_) => Ok(text),
        Err(error) => Err(Usage(format!("{} can't be read: {error}", path.display())).into()),
    }
}

fn print(purpose: Purpose, key: &Key, is_json: bool) -> anyhow::Result<()> {
    let name = match purpose {
        Purpose::Write => "SPEECHMILL_MEILI_KEY",
        Purpose::Search => "SPEECHMILL_SEARCH_KEY",
    };
    if is_json {
        let expires_at = key.expires_at.map(|at| at.format(&Rfc3339)).transpose()?;
        output::json(&json!({
            "name": name,
            "key": key.secret.expose(),
            "purpose": purpose,
            "uid": key.uid,
            "actions": key.actions,
            "indexes": key.indexes,
            "expires_at": expires_at,
        }))?;
    } else {
        output::line(format!("{name}={}", key.secret.expose()))?;
    }
    Ok(())
}
