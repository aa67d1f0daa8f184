//! Accounts that messages come in at.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::{collections::BTreeMap, sync::Arc};

use proto::{ingestion::v1::GetLedgerRequest, policy::v1::apply_request::File};
use service::clock::{Clock, SystemClock};
use tests::world::World;

/// The organisation of the tests with these accounts beside its own, each as its table in TOML without the header.
pub async fn with_accounts(accounts: &[&str]) -> World {
    with_accounts_at(Arc::new(SystemClock), accounts).await
}

/// The same with a clock of the test's.
pub async fn with_accounts_at(clock: Arc<dyn Clock>, accounts: &[&str]) -> World {
    let world = World::start_at(clock).await;
    give_accounts(&world, accounts).await;
    world
}

/// Puts the organisation of the tests with these accounts into force.
pub async fn give_accounts(world: &World, accounts: &[&str]) {
    let base = File { name: "policy.toml".into(), text: tests::world::POLICY.into() };
    dossier::sample::apply(&world.platform, vec![base, file(accounts)]).await.unwrap();
}

/// These accounts as a policy file.
pub fn file(accounts: &[&str]) -> File {
    let text: String = accounts
        .iter()
        .map(|fields| {
            format!("[[account]]\nname = \"A\"\nregion = \"north\"\nteam = \"north-care\"\n{fields}\n")
        })
        .collect();
    File { name: "accounts.toml".into(), text }
}

/// Waits until every message that is in the log has been taken up; the position of the last one.
pub async fn all_taken(world: &World) -> String {
    let messages = eventlog::Category::new("message").unwrap();
    let last = world.platform.shell.log.tail(&[messages]).await.unwrap();
    if last == eventlog::Position::NONE {
        return String::new();
    }
    let last = world.platform.shell.token(last);
    world.settled(&last).await;
    last
}

/// What came in at an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub accepted: u64,
    pub duplicate: u64,
    pub rejected: u64,
}

/// The ledger of all time, by account.
pub async fn ledger(world: &World) -> BTreeMap<String, Sums> {
    let request = GetLedgerRequest { from: Some(tests::desk::seconds(0)), ..Default::default() };
    let mut sums = BTreeMap::<String, Sums>::new();
    for row in world.administrator().ingestion.get_ledger(request).await.unwrap().into_inner().rows {
        assert_eq!(row.received, row.accepted + row.duplicate + row.rejected);
        let of = sums.entry(row.account).or_default();
        of.accepted += row.accepted;
        of.duplicate += row.duplicate;
        of.rejected += row.rejected;
    }
    sums
}

/// A folder of secrets, one in each file.
pub struct Secrets(tempfile::TempDir);

impl Secrets {
    pub fn new() -> Self {
        Self(tempfile::TempDir::new().unwrap())
    }

    /// Where this secret is.
    pub fn put(&self, name: &str, value: &str) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, value).unwrap();
        format!("file:{}", path.display())
    }

    /// Where these are, each under its name in a file of this account's.
    pub fn all(&self, account: &str, secrets: &[(&str, &str)]) -> Vec<(String, String)> {
        let put = |(name, value): &(&str, &str)| {
            ((*name).to_owned(), self.put(&format!("{account}-{name}"), value))
        };
        secrets.iter().map(put).collect()
    }
}
