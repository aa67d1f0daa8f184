//! What the intake has to know of the channel accounts of the policy.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    channel::Visibility,
    ids::{AccountId, ChannelKind, PersonId, RegionId},
    policy::{
        account::{self, Thread},
        channel::Channel,
        organisation::{Role, Scope},
    },
};
use service::{auth::Principal, policies::Policies};

/// An account of ours on a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The kind of its channel.
    pub channel: ChannelKind,
    /// Who can see what is posted there, where a message does not say.
    pub visibility: Visibility,
    /// Whether its conversations are threads; else there is one with each contact.
    pub threads: bool,
    /// The region that it belongs to.
    pub region: RegionId,
}

/// The setting with the addresses of a mail account, with commas between them.
pub const ADDRESS: &str = "address";

/// An address in lower case without what stands after `+`. `None`: it is no address.
pub(crate) fn plain_address(address: &str) -> Option<String> {
    let (local, domain) = address.rsplit_once('@')?;
    let local = local.split('+').next().filter(|local| !local.is_empty())?;
    Some(format!("{local}@{domain}").to_lowercase())
}

/// How the messages of an account come in and go out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Via {
    /// The connector: the account's own, else that of the kind of its channel.
    pub connector: Option<String>,
    /// What the channel wants to know.
    pub settings: BTreeMap<String, String>,
    /// Where its secrets are: `env:NAME` or `file:/path`.
    pub secrets: BTreeMap<String, String>,
    /// What it is for.
    pub purpose: account::Purpose,
    /// Who sends its replies, if policy says so.
    pub sends: Option<account::Sends>,
}

/// Where accounts are looked up.
pub trait Accounts: Send + Sync + 'static {
    /// The account with this id as the policy has it now, and the position of the policy's last entry (0 = none).
    fn find(&self, id: &str) -> (u64, Option<Account>);

    /// How the messages of this account come in and go out.
    fn via(&self, id: &AccountId) -> Option<Via>;

    /// What can be done on the channel of this account, and the account.
    fn channel(&self, id: &AccountId) -> Option<(Account, Channel)>;

    /// The mail account with this address, which may have a part after `+`, and the position of the policy's last entry.
    fn mailbox(&self, address: &str) -> Option<(u64, Account)>;

    /// What a caller may, and where.
    fn scope(&self, principal: &Principal) -> Scope;

    /// All accounts, and how their messages come in and go out.
    fn all(&self) -> Vec<(AccountId, Via)>;

    /// Those of this connector.
    fn connected(&self, connector: &str) -> Vec<(AccountId, Via)> {
        let mut all = self.all();
        all.retain(|(_, via)| via.connector.as_deref() == Some(connector));
        all
    }

    /// What people are told that the account is: its brand, else its name.
    fn title(&self, _id: &AccountId) -> Option<String> {
        None
    }

    /// How the policy calls the person of this id.
    fn person(&self, _id: &str) -> Option<String> {
        None
    }

    /// The roles of a caller, as the policy and the token have them.
    fn roles(&self, principal: &Principal) -> BTreeSet<Role> {
        self.scope(principal).roles
    }
}

impl From<&account::Account> for Account {
    fn from(account: &account::Account) -> Self {
        Self {
            id: account.id.clone(),
            channel: account.channel.clone(),
            visibility: account.visibility,
            threads: match account.thread {
                Thread::Threads => true,
                Thread::Contact => false,
            },
            region: account.region.clone(),
        }
    }
}

/// As far as this process follows the policy.
impl Accounts for Policies {
    fn find(&self, id: &str) -> (u64, Option<Account>) {
        let current = self.current();
        let account = AccountId::new(id).ok();
        let account = account.and_then(|id| current.state.set().account(&id).map(Account::from));
        (current.version.0, account)
    }

    fn via(&self, id: &AccountId) -> Option<Via> {
        let current = self.current();
        let set = current.state.set();
        let account = set.account(id)?;
        let of_kind = || set.connector_of(&account.channel).map(str::to_owned);
        Some(Via {
            connector: account.connector.clone().or_else(of_kind),
            settings: account.settings.clone(),
            secrets: account.secrets.clone(),
            purpose: account.purpose,
            sends: account.sends,
        })
    }

    fn channel(&self, id: &AccountId) -> Option<(Account, Channel)> {
        let current = self.current();
        let account = current.state.set().account(id)?;
        Some((account.into(), current.state.set().channel(&account.channel)?))
    }

    fn mailbox(&self, address: &str) -> Option<(u64, Account)> {
        let current = self.current();
        let plain = plain_address(address)?;
        let is_of = |account: &&account::Account| {
            let addresses = account.settings.get(ADDRESS).map_or("", String::as_str);
            addresses.split(',').any(|of| plain_address(of.trim()).as_deref() == Some(&plain))
        };
        let account = current.state.set().accounts().find(is_of)?;
        Some((current.version.0, account.into()))
    }

    fn all(&self) -> Vec<(AccountId, Via)> {
        let current = self.current();
        let accounts = current.state.set().accounts().map(|account| account.id.clone());
        accounts.filter_map(|id| self.via(&id).map(|via| (id, via))).collect()
    }

    fn title(&self, id: &AccountId) -> Option<String> {
        let current = self.current();
        let account = current.state.set().account(id)?;
        Some(account.brand.clone().unwrap_or_else(|| account.name.clone()))
    }

    fn person(&self, id: &str) -> Option<String> {
        let id = PersonId::new(id).ok()?;
        Some(self.current().state.set().person(&id)?.name.clone())
    }

    fn scope(&self, principal: &Principal) -> Scope {
        self.current().access(principal).scope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_as_the_policy_has_it() {
        for (thread, threads) in [("threads", true), ("contact", false)] {
            let of_policy: account::Account = serde_json::from_value(serde_json::json!({
                "id": "wall", "channel": "forum", "name": "Our wall", "region": "france", "team": "care",
                "thread": thread, "visibility": "public",
            }))
            .unwrap();
            let expected = Account {
                id: "wall".parse().unwrap(),
                channel: "forum".parse().unwrap(),
                visibility: Visibility::Public,
                threads,
                region: "france".parse().unwrap(),
            };
            assert_eq!(Account::from(&of_policy), expected);
        }
    }
}
