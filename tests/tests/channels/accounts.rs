//! Accounts that messages come in at.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use proto::policy::v1::apply_request::File;
use tests::world::World;

/// The organisation of the tests with these accounts beside its own, each as its table in TOML without the header.
pub async fn with_accounts(accounts: &[&str]) -> World {
    let world = World::start().await;
    put_accounts(&world, accounts).await;
    world
}

/// Puts the organisation of the tests with these accounts into force.
pub async fn put_accounts(world: &World, accounts: &[&str]) {
    let base = File { name: "policy.toml".into(), text: tests::world::POLICY.into() };
    let text: String = accounts
        .iter()
        .map(|fields| {
            format!("[[account]]\nname = \"A\"\nregion = \"north\"\nteam = \"north-care\"\n{fields}\n")
        })
        .collect();
    let more = File { name: "accounts.toml".into(), text };
    dossier::sample::apply(&world.platform, vec![base, more]).await.unwrap();
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
}
