//! Mails, plain and nasty: each is a message or says why not, and a second run adds nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use ingestion::import::{Format, Options};
use tests::{real_data, world::World};

use crate::taken;

/// Folders of mails, each imported as it is.
const FOLDERS: [&str; 6] =
    ["bounce", "mikel-mail", "mimekit", "nodemailer-mailparser", "reply", "stalwart-mail-parser"];
/// A folder in which mails are called `*.txt`: they are imported from copies with the usual name.
const OTHERWISE_NAMED: &str = "zbateson-mail-mime-parser";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn folders_of_mails_come_in_once() {
    let Some(folder) = real_data::path("email") else { return };
    let world = World::start().await;
    let (mut received, mut accepted) = (0, 0);
    let copies = tempfile::TempDir::new().unwrap();
    copy(&folder.join(OTHERWISE_NAMED), copies.path());
    let mut folders: Vec<PathBuf> = FOLDERS.iter().map(|name| folder.join(name)).collect();
    folders.push(copies.path().to_owned());
    for path in &folders {
        let line = taken::import(&world, path, &["--format", "eml"]).await;
        println!("{}: {line:?}", path.display());
        received += line.received;
        accepted += line.accepted;
    }
    assert!(received > 440, "only {received} mails were found");
    let end = taken::end(&world).await;
    let whole = world.log_entries(&["case", "conversation", "customer", "links", "message"]).await.len();
    let digest = world.administrator().digest("").await.0;
    let mut usable = 0;
    for path in &folders {
        let records = taken::records(path, Format::Eml, Options::default());
        let line = taken::import(&world, path, &["--format", "eml"]).await;
        assert_eq!(line.accepted, 0, "{}", path.display());
        assert!(line.duplicate <= records.len(), "{}: {line:?}", path.display());
        usable += line.duplicate;
    }
    assert!(accepted <= usable, "{accepted} of {usable}");
    assert_eq!(taken::end(&world).await, end, "the streams of messages are as they were");
    let now = world.log_entries(&["case", "conversation", "customer", "links", "message"]).await.len();
    assert_eq!(now, whole, "nothing was written of cases, conversations and customers");
    let (before, after) = world.administrator().rebuild().await;
    assert_eq!((&before, &after), (&digest, &digest), "the read model is as it was, and what the log says");
    let cases = taken::cases(&world).await;
    assert!(cases.iter().all(|case| case.origin == "import"));
    let said: usize = cases.iter().map(|case| case.timeline.len()).sum();
    let ids: std::collections::BTreeSet<_> =
        cases.iter().flat_map(|case| &case.timeline).map(|item| &item.id).collect();
    assert_eq!(said, ids.len(), "every mail is in one case");
    world.end().await;
}

/// Copies every file below a folder, with names that end as those of mails do.
fn copy(from: &Path, to: &Path) {
    let mut waiting = vec![from.to_owned()];
    let mut copied = 0;
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                copied += 1;
                fs::copy(&path, to.join(format!("{copied}.eml"))).unwrap();
            }
        }
    }
}
