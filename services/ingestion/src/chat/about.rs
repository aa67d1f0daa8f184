//! The account of a chat, as policy has it at this moment.

use std::net::IpAddr;

use domain::policy::channel::Channel;
use http::{HeaderMap, StatusCode};

use super::{CHANNEL, Chat, is_complete, origin, protocol::Refused};
use crate::account::{Account, Via};

/// The setting with which the names of those who answer are kept.
const AGENT_NAMES: &str = "agent_names";
/// The setting with how many proxies of ours stand before us.
const PROXIES: &str = "proxies";

/// The account, and how its messages come in.
pub(super) struct About {
    pub(super) account: Account,
    pub(super) version: u64,
    pub(super) via: Via,
    pub(super) channel: Channel,
}

impl About {
    /// Whether visitors are told who answers.
    pub(super) fn names(&self) -> bool {
        self.via.settings.get(AGENT_NAMES).is_none_or(|setting| setting != "false")
    }

    /// Where a call comes from.
    pub(super) fn address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let proxies = self.via.settings.get(PROXIES).and_then(|text| text.parse().ok());
        origin::address(proxies.unwrap_or_default(), peer, headers)
    }
}

impl Chat {
    /// The account of a chat.
    pub(super) fn about(&self, name: &str) -> Result<About, Refused> {
        let no = |message: &str| Err(Refused::never(StatusCode::NOT_FOUND, "no_chat", message));
        let (version, account) = self.accounts.find(name);
        let Some(account) = account else { return no("no account is called like this; see the address") };
        let via = self.accounts.via(&account.id).unwrap_or_default();
        let Some((_, channel)) = self.accounts.channel(&account.id) else {
            return no("the account is of no kind of channel");
        };
        if account.channel.as_str() != CHANNEL || !is_complete(&via) {
            return no(
                "the account has no chat; give it the channel \"chat\" and the setting `origins` with the pages on \
                 which it stands",
            );
        }
        if account.threads {
            return no("the account has no chat: its conversations are threads; set thread = \"contact\"");
        }
        Ok(About { account, version, via, channel })
    }
}
