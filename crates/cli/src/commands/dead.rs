//! `speechmill dead`: dead letters for operators: list, show, replay, drop.

use std::collections::BTreeMap;

use messages::CanonicalUrl;
use serde_json::{Value, json};
use worker::{Broker, BrokerConfig, DeadFilter, FiledLetter};

use crate::confirm;
use crate::exit::{End, Usage};
use crate::output;

/// List, show, replay or drop what could not be worked on.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  speechmill dead list
  speechmill dead list --code http_403 --host www.example.com
  speechmill dead show 92b35d8e90939a29b9721913af0744dd
  speechmill dead replay --code http_500
  speechmill dead drop --all --yes")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Count dead letters by stage, code and host, or print each with --each or --json
    List {
        #[command(flatten)]
        which: Which,
        /// Print each letter
        #[arg(long)]
        each: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Show letters whole: the error with its causes, and the payload
    Show {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        common: Common,
    },
    /// Send letters on their way again
    Replay {
        #[command(flatten)]
        which: Which,
        /// All of them
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Drop letters for good
    Drop {
        #[command(flatten)]
        which: Which,
        /// All of them
        #[arg(long)]
        all: bool,
        /// Do not ask before all are dropped; needed where there is no terminal to ask on
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(clap::Args)]
struct Common {
    /// Print JSON, one object a letter
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    broker: BrokerConfig,
}

/// Which letters are meant.
#[derive(clap::Args)]
struct Which {
    /// By the id of the URL or the speech, or by a URL, or by a line that is none
    id: Option<String>,

    /// By code
    #[arg(long)]
    code: Option<String>,

    /// By host
    #[arg(long)]
    host: Option<String>,

    /// By the stage that gave up
    #[arg(long, value_parser = ["admission", "crawler", "extractor", "indexer"])]
    stage: Option<String>,
}

impl Which {
    fn filter(&self) -> DeadFilter {
        DeadFilter {
            id: self.id.as_deref().map(id_of),
            code: self.code.clone(),
            host: self.host.clone(),
            stage: self.stage.clone(),
        }
    }

    fn is_any(&self) -> bool {
        self.id.is_none() && self.code.is_none() && self.host.is_none() && self.stage.is_none()
    }

    /// Nothing is replayed or dropped by leaving an option out.
    fn meant(&self, all: bool) -> Result<DeadFilter, Usage> {
        if self.is_any() && !all {
            return Err(Usage(
                "which letters? Give an id, --code, --host or --stage, or --all".to_owned(),
            ));
        }
        Ok(self.filter())
    }
}

/// The id under which letters about this are filed.
fn id_of(text: &str) -> String {
    if text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return text.to_owned();
    }
    match text.parse::<CanonicalUrl>() {
        Ok(url) => messages::UrlId::of(&url).to_string(),
        Err(_) => messages::id_of_bytes(text.as_bytes()),
    }
}

pub(crate) async fn run(args: Args) -> anyhow::Result<End> {
    match args.command {
        Command::List {
            which,
            each,
            common,
        } => {
            let (_, letters) = find(&common, &which.filter()).await?;
            list(&letters, each, common.json)
        }
        Command::Show { which, common } => {
            let (_, letters) = find(&common, &which.filter()).await?;
            for filed in &letters {
                show(filed, common.json)?;
            }
            Ok(found(letters.len()))
        }
        Command::Replay { which, all, common } => {
            let (broker, letters) = find(&common, &which.meant(all)?).await?;
            for filed in &letters {
                broker.replay(filed).await?;
            }
            report(&letters, "replayed", common.json)
        }
        Command::Drop {
            which,
            all,
            yes,
            common,
        } => {
            let filter = which.meant(all)?;
            if which.is_any() && !confirm::is_meant("Drop all dead letters", yes)? {
                return Ok(End::Nothing);
            }
            let (broker, letters) = find(&common, &filter).await?;
            for filed in &letters {
                broker.drop_dead(filed.sequence).await?;
            }
            report(&letters, "dropped", common.json)
        }
    }
}

async fn find(common: &Common, filter: &DeadFilter) -> anyhow::Result<(Broker, Vec<FiledLetter>)> {
    let broker = Broker::connect(&common.broker, "dead").await?;
    let letters = broker.dead_letters(filter, usize::MAX).await?;
    Ok((broker, letters))
}

fn found(number: usize) -> End {
    if number == 0 { End::Nothing } else { End::Done }
}

fn list(letters: &[FiledLetter], each: bool, is_json: bool) -> anyhow::Result<End> {
    if is_json {
        for filed in letters {
            output::json(&as_json(filed))?;
        }
    } else if letters.is_empty() {
        output::line("no dead letters")?;
    } else if each {
        let rows: Vec<[String; 5]> = letters.iter().map(row).collect();
        output::table(["ID", "STAGE", "CODE", "TIME", "URL"], &rows)?;
    } else {
        let mut groups: BTreeMap<[String; 3], usize> = BTreeMap::new();
        for filed in letters {
            let headers = &filed.letter.headers;
            let key = [headers.stage.clone(), headers.code.clone(), host_of(filed)];
            *groups.entry(key).or_default() += 1;
        }
        let rows: Vec<[String; 4]> = groups
            .into_iter()
            .map(|([stage, code, host], number)| [stage, code, host, number.to_string()])
            .collect();
        output::table(["STAGE", "CODE", "HOST", "LETTERS"], &rows)?;
    }
    Ok(End::Done)
}

fn host_of(filed: &FiledLetter) -> String {
    let url = filed.letter.headers.url.as_deref();
    let url: Option<CanonicalUrl> = url.and_then(|url| url.parse().ok());
    url.map_or_else(|| "-".to_owned(), |url| url.host().to_string())
}

fn row(filed: &FiledLetter) -> [String; 5] {
    let headers = &filed.letter.headers;
    let time = headers
        .time
        .format(&time::format_description::well_known::Rfc3339)
        .unwrap_or_default();
    [
        filed.letter.id.clone(),
        headers.stage.clone(),
        headers.code.clone(),
        time,
        headers.url.clone().unwrap_or_else(|| "-".to_owned()),
    ]
}

fn as_json(filed: &FiledLetter) -> Value {
    json!({
        "id": filed.letter.id,
        "sequence": filed.sequence,
        "headers": filed.letter.headers,
        "num_payload_bytes": filed.letter.payload.len(),
    })
}

/// The bytes as text where they are text; else their beginning, escaped.
fn payload_text(payload: &[u8]) -> String {
    match std::str::from_utf8(payload) {
        Ok(text) => text.chars().take(4_000).collect(),
        Err(_) => payload
            .iter()
            .take(1_000)
            .map(|b| char::from(*b).escape_default().to_string())
            .collect(),
    }
}

fn show(filed: &FiledLetter, is_json: bool) -> std::io::Result<()> {
    let payload = payload_text(&filed.letter.payload);
    if is_json {
        let mut value = as_json(filed);
        value["payload"] = Value::String(payload);
        return output::json(&value);
    }
    output::line(filed.letter.subject())?;
    for (name, value) in filed.letter.headers.to_pairs() {
        output::line(format!("  {name}: {value}"))?;
    }
    let shown: String = payload
        .chars()
        .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
        .collect();
    output::line(format!("\n{shown}\n"))
}

fn report(letters: &[FiledLetter], verb: &str, is_json: bool) -> anyhow::Result<End> {
    if is_json {
        for filed in letters {
            output::json(&as_json(filed))?;
        }
    } else {
        output::line(format!("{verb}: {}", letters.len()))?;
    }
    Ok(found(letters.len()))
}
