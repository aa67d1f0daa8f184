//! The house as it is drawn: who depends on whom, what is at the top, formats with their golden files, files that can be
//! read at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

/// Who may depend on whom, for building. Whatever is not here is an edge too many.
const EDGES: &[(&str, &[&str])] = &[
    ("proto", &[]),
    ("domain", &[]),
    ("eventlog", &[]),
    ("vault", &[]),
    ("service", &["domain", "eventlog", "proto", "vault"]),
    ("assignment", &["domain", "eventlog", "proto", "service", "vault"]),
    ("cases", &["domain", "eventlog", "proto", "service", "vault"]),
    ("ingestion", &["domain", "eventlog", "proto", "service", "vault"]),
    ("console", &["proto", "service"]),
    (
        "dossier",
        &["assignment", "cases", "console", "domain", "eventlog", "ingestion", "proto", "service", "vault"],
    ),
    (
        "tests",
        &["assignment", "cases", "domain", "dossier", "eventlog", "ingestion", "proto", "service", "vault"],
    ),
];

/// What the rules must never know: a clock, a runtime, a database, a network, randomness.
const NOT_IN_DOMAIN: &[&str] =
    &["tokio", "sqlx", "tonic", "prost", "async-nats", "axum", "getrandom", "reqwest"];

/// Everything that may stand at the top.
const TOP: &[&str] =
    &["Cargo.toml", "Cargo.lock", "README.md", "services", "proto", "libs", "deploy", "helm", "tests"];

/// The longest file, in lines; and how many in a hundred may be longer than [`LONG`].
const LONGEST: usize = 650;
const LONG: usize = 300;
const LONG_PER_CENT: usize = 12;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests stand in the house").to_owned()
}

fn metadata() -> serde_json::Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output();
    let output = output.expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

/// For each crate, the crates that it needs to be built (tests may use more).
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    let name = |value: &serde_json::Value| value["name"].as_str().expect("a name").to_owned();
    packages
        .iter()
        .map(|package| {
            let needed = package["dependencies"].as_array().expect("dependencies").iter();
            (name(package), needed.filter(|dependency| dependency["kind"].is_null()).map(name).collect())
        })
        .collect()
}

#[test]
fn crates_depend_on_each_other_as_drawn() {
    let drawn: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    let dependencies = dependencies();
    for (name, needed) in &dependencies {
        let allowed = drawn.get(name.as_str()).unwrap_or_else(|| {
            panic!("crate {name} is not in the drawing: add it to EDGES and to the README")
        });
        let own: BTreeSet<&str> =
            needed.iter().map(String::as_str).filter(|name| dependencies.contains_key(*name)).collect();
        let extra: Vec<_> = own.iter().filter(|name| !allowed.contains(name)).collect();
        assert!(extra.is_empty(), "{name} must not depend on {extra:?}");
    }
    assert_eq!(dependencies.len(), drawn.len(), "a crate of the drawing is gone");
}

#[test]
fn the_rules_know_no_world() {
    let needed = &dependencies()["domain"];
    let found: Vec<_> = NOT_IN_DOMAIN.iter().filter(|name| needed.contains(**name)).collect();
    assert!(found.is_empty(), "domain is pure: it must not depend on {found:?}");
}

#[test]
fn nothing_else_stands_at_the_top() {
    let known = |path: &str| TOP.contains(&path) || path.starts_with('.');
    let tops: BTreeSet<String> = files()
        .iter()
        .filter_map(|path| path.components().next())
        .map(|top| top.as_os_str().to_string_lossy().into_owned())
        .collect();
    let strange: Vec<_> = tops.iter().filter(|top| !known(top)).collect();
    assert!(strange.is_empty(), "not at the top: {strange:?}");
}

#[test]
fn every_event_has_its_golden_file_and_every_golden_file_its_event() {
    let types: BTreeSet<String> = [
        domain::case::Event::TYPES,
        domain::contact::Event::TYPES,
        domain::conversation::Event::TYPES,
        domain::customer::Event::TYPES,
        domain::links::Event::TYPES,
        domain::message::Event::TYPES,
        domain::delivery::Event::TYPES,
        domain::health::Event::TYPES,
        domain::agent::Event::TYPES,
        domain::routing::choose::Event::TYPES,
        domain::sla::Event::TYPES,
        domain::policy::Event::TYPES,
    ]
    .concat()
    .into_iter()
    .map(str::to_owned)
    .collect();
    let folder = root().join("libs/domain/testdata/events");
    let golden: BTreeSet<String> = std::fs::read_dir(&folder)
        .expect("the golden files")
        .filter_map(|entry| {
            entry.expect("an entry").file_name().to_string_lossy().strip_suffix(".json").map(str::to_owned)
        })
        .collect();
    assert_eq!(
        types,
        golden,
        "formats that are stored are read for ever: one file each in {}",
        folder.display()
    );
}

#[test]
fn files_can_be_read_at_once() {
    let rust: Vec<_> =
        files().into_iter().filter(|path| path.extension().is_some_and(|e| e == "rs")).collect();
    let lines =
        |path: &PathBuf| std::fs::read_to_string(root().join(path)).map_or(0, |text| text.lines().count());
    let mut long: Vec<(usize, &PathBuf)> =
        rust.iter().map(|path| (lines(path), path)).filter(|(n, _)| *n > LONG).collect();
    long.sort_unstable_by(|a, b| b.cmp(a));
    if let Some((n, path)) = long.first() {
        assert!(*n <= LONGEST, "{} has {n} lines: take it apart", path.display());
    }
    assert!(long.len() * 100 <= rust.len() * LONG_PER_CENT, "too many files are over {LONG} lines: {long:?}");
}

#[test]
fn lints_are_expected_with_a_reason_never_allowed() {
    // Put together, so that this file does not find itself.
    let allow = format!("#[{}", "allow(");
    let allow_inner = format!("#![{}", "allow(");
    for path in files().iter().filter(|path| path.extension().is_some_and(|e| e == "rs")) {
        let text = std::fs::read_to_string(root().join(path)).unwrap_or_default();
        assert!(
            !text.contains(&allow) && !text.contains(&allow_inner),
            "{}: expect with a reason instead",
            path.display()
        );
    }
}

/// Every file of the repository, relative to its root; build products and what git ignores are not.
fn files() -> Vec<PathBuf> {
    fn walk(folder: &Path, root: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok) {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let ignored = matches!(name.as_str(), ".git" | "target" | "dossier-data" | "node_modules")
                || name.starts_with("proptest-regressions");
            if path.is_dir() && !ignored {
                walk(&path, root, found);
            } else if path.is_file() && !ignored {
                found.extend(path.strip_prefix(root).map(Path::to_owned));
            }
        }
    }
    let (root, mut found) = (root(), Vec::new());
    walk(&root, &root, &mut found);
    found
}
