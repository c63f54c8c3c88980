//! The house rules that a compiler does not know, as tests.
//!
//! In: `cargo metadata` and the files that git knows or would add. Out: one test a rule, whose
//! failure lists every place. It changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

/// Who may depend on whom among our own crates. Development dependencies are free, but for stages.
const ARROWS: &[(&str, &[&str])] = &[
    (
        "cli",
        &[
            "crawler",
            "extractor",
            "indexer",
            "messages",
            "servers",
            "sites",
            "telemetry",
            "web",
            "worker",
        ],
    ),
    ("crawler", &["messages", "sites", "worker"]),
    ("extractor", &["messages", "sites", "words", "worker"]),
    ("indexer", &["messages", "words", "worker"]),
    ("web", &["messages", "worker"]),
    ("worker", &["messages"]),
    ("sites", &["messages"]),
    ("words", &["messages"]),
    ("messages", &[]),
    ("telemetry", &[]),
    ("servers", &[]),
    ("testkit", &["messages", "servers"]),
    ("fuzz", &["extractor", "messages", "sites"]),
    (
        "xtask",
        &["messages", "servers", "testkit", "words", "worker"],
    ),
];

const STAGES: &[&str] = &["crawler", "extractor", "indexer", "web"];

/// One outside system, one owner.
const OWNERS: &[(&str, &str)] = &[("async-nats", "worker"), ("meilisearch-sdk", "indexer")];

/// Crates that may start a task that nobody waits for: they own the shutdown, or are no part of
/// the program.
const MAY_SPAWN: &[&str] = &["cli", "servers", "testkit", "worker", "xtask"];

const MAX_LINES: usize = 400;
const MAX_DESIGN_LINES: usize = 80;

// Put together here, so that this file does not hold what it looks for.
const REGISTRY_HOSTS: &[&str] = &[
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("python", "hosted.org"),
    concat!("npm", "js.org"),
    concat!("npm", "mirror.com"),
    concat!("yarn", "pkg.com"),
    concat!("debian", ".org"),
    concat!("golang", ".org"),
];
const MACHINE_PATHS: &[&str] = &[
    concat!("/wo", "rk/main"),
    concat!("/wo", "rk/shared"),
    concat!("/wo", "rk/.lib", "rary"),
    concat!("/ro", "ot/."),
    concat!("/tmp/", "bash_jobs"),
];
const LEFTOVERS: &[&str] = &[
    concat!("to", "do!("),
    concat!("unimple", "mented!("),
    concat!("db", "g!("),
    concat!("#[ig", "nore"),
];

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("crates/xtask").to_owned()
}

fn packages() -> Vec<Package> {
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .no_deps()
        .exec()
        .expect("cargo metadata")
        .packages
}

fn dependencies(package: &Package, development: bool) -> BTreeSet<&str> {
    package
        .dependencies
        .iter()
        .filter(|dependency| (dependency.kind == DependencyKind::Development) == development)
        .map(|dependency| dependency.name.as_str())
        .collect()
}

/// The files that git tracks or would add, as paths from the root.
fn files() -> Vec<String> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output()
        .expect("git");
    assert!(output.status.success(), "git ls-files: {}", output.status);
    let names = String::from_utf8(output.stdout).expect("file names in UTF-8");
    let names: BTreeSet<_> = names.split_terminator('\0').collect();
    names
        .into_iter()
        .filter(|name| root().join(name).is_file())
        .map(ToOwned::to_owned)
        .collect()
}

fn rust_files() -> Vec<(String, String)> {
    files()
        .into_iter()
        .filter(|name| has_extension(name, "rs"))
        .map(|name| {
            let text = std::fs::read_to_string(root().join(&name)).expect("Rust in UTF-8");
            (name, text)
        })
        .collect()
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|it| it == extension)
}

/// `path:line: the needle` for every occurrence; files that are not text are skipped.
fn occurrences(files: impl IntoIterator<Item = String>, needles: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for name in files {
        let Ok(text) = std::fs::read_to_string(root().join(&name)) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            for needle in needles.iter().filter(|needle| line.contains(**needle)) {
                found.push(format!("{name}:{}: {needle}", number + 1));
            }
        }
    }
    found
}

fn assert_none(rule: &str, found: &[String]) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

#[test]
fn the_arrows_between_our_crates_go_one_way() {
    let packages = packages();
    let arrows: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let ours: BTreeSet<_> = packages.iter().map(|it| it.name.as_str()).collect();
    let mut found = Vec::new();
    for package in &packages {
        let name = package.name.as_str();
        let Some(allowed) = arrows.get(name) else {
            found.push(format!("{name} has no entry in ARROWS"));
            continue;
        };
        for target in dependencies(package, false).intersection(&ours) {
            if !allowed.contains(target) {
                found.push(format!("{name} → {target}"));
            }
        }
    }
    assert_none("no such arrow in the architecture", &found);
}

#[test]
fn no_stage_depends_on_another_not_even_in_its_tests() {
    let mut found = Vec::new();
    for package in packages() {
        if !STAGES.contains(&package.name.as_str()) {
            continue;
        }
        for target in &package.dependencies {
            if STAGES.contains(&target.name.as_str()) {
                found.push(format!("{} → {}", package.name, target.name));
            }
        }
    }
    assert_none("stages share messages and nothing else", &found);
}

#[test]
fn every_outside_system_has_one_owner() {
    let mut found = Vec::new();
    for package in packages() {
        for (system, owner) in OWNERS {
            if package.name.as_str() != *owner && dependencies(&package, false).contains(system) {
                found.push(format!(
                    "{} → {system}, which belongs to {owner}",
                    package.name
                ));
            }
        }
    }
    assert_none("one outside system, one owner", &found);
}

#[test]
fn every_rust_file_says_first_what_it_is() {
    let found: Vec<_> = rust_files()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(name, _)| name)
        .collect();
    assert_none("no `//!` on the first line", &found);
}

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    let mut found = Vec::new();
    for name in files() {
        let limit = match name.rsplit('/').next() {
            Some("design.md") => MAX_DESIGN_LINES,
            _ if has_extension(&name, "rs") => MAX_LINES,
            _ => continue,
        };
        let text = std::fs::read_to_string(root().join(&name)).expect("text in UTF-8");
        let num_lines = text.lines().count();
        if num_lines > limit {
            found.push(format!("{name}: {num_lines} lines, {limit} at most"));
        }
    }
    assert_none("split by responsibility", &found);
}

#[test]
fn file_names_say_what_is_inside() {
    let banned = [
        "mod.rs",
        "util.rs",
        "utils.rs",
        "helper.rs",
        "helpers.rs",
        "misc.rs",
    ];
    let banned_folders = ["util", "utils", "helper", "helpers", "misc"];
    let found: Vec<_> = files()
        .into_iter()
        .filter(|name| {
            let mut parts = name.rsplit('/');
            parts.next().is_some_and(|file| banned.contains(&file))
                || parts.any(|folder| banned_folders.contains(&folder))
        })
        .collect();
    assert_none(
        "`foo.rs` beside `foo/`, and a name that says something",
        &found,
    );
}

#[test]
fn every_test_that_a_document_names_exists() {
    let sources: String = rust_files().into_iter().map(|(_, text)| text).collect();
    let mut found = Vec::new();
    for name in files() {
        if !has_extension(&name, "md") {
            continue;
        }
        let text = std::fs::read_to_string(root().join(&name)).expect("documents in UTF-8");
        // What stands in single back-quotes, and is as long as the name of a test.
        for word in text.split('`').skip(1).step_by(2) {
            let is_name = word
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
            let is_sentence = is_name && word.matches('_').count() >= 4;
            // A code may be as long: it stands in double quotes.
            let is_there = |form: String| sources.contains(&form);
            if is_sentence && !is_there(format!("fn {word}(")) && !is_there(format!("\"{word}\"")) {
                found.push(format!("{name}: {word}"));
            }
        }
    }
    assert_none("a document names tests that exist", &found);
}

#[test]
fn nothing_unfinished_and_no_disabled_test_is_left_behind() {
    let names = rust_files().into_iter().map(|(name, _)| name);
    assert_none("left behind", &occurrences(names, LEFTOVERS));
}

#[test]
fn no_file_names_a_package_registry_or_a_path_of_one_machine() {
    // Cargo writes the address of its index into the lock file.
    let names: Vec<_> = files()
        .into_iter()
        .filter(|it| it != "Cargo.lock")
        .collect();
    assert_none(
        "a registry's host",
        &occurrences(names.clone(), REGISTRY_HOSTS),
    );
    assert_none("a path of one machine", &occurrences(names, MACHINE_PATHS));
}

#[test]
fn tasks_are_started_only_where_shutdown_is_owned() {
    let names = rust_files()
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| {
            let mut parts = name.split('/');
            parts.next() == Some("crates")
                && !parts.next().is_some_and(|name| MAY_SPAWN.contains(&name))
                && parts.next() == Some("src")
        });
    let found = occurrences(names, &["tokio::spawn", "task::spawn("]);
    assert_none("no task that shutdown can't see", &found);
}

#[test]
fn tests_wait_for_something_instead_of_sleeping() {
    let names = rust_files()
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| name.split('/').any(|folder| folder == "tests"));
    let found = occurrences(names, &[concat!("sle", "ep(")]);
    assert_none("wait with testkit::eventually", &found);
}
