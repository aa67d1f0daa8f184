//! What the policy says of how accounts are judged, and how often they may send.

use domain::{
    health::Rules,
    ids::AccountId,
    outbound::rate::Rate,
    policy::account::{DEGRADED_AFTER, DOWN_AFTER, RETRY_S, SEND_BURST, SEND_RATE, SILENCE},
};

use super::Channels;
use crate::account::Via;

/// What the policy says of an account. Its check refuses settings that cannot be read.
pub(super) struct Said {
    pub(super) rules: Rules,
    /// How often it may send, and how much of that at once.
    pub(super) rate: Option<(Rate, u32)>,
    /// Whether it is noticed that nothing comes in.
    pub(super) is_watched: bool,
}

impl Channels {
    pub(super) fn said(&self, account: &AccountId) -> Said {
        let Via { settings, .. } = self.accounts.via(account).unwrap_or_default();
        let channel = self.accounts.channel(account).map(|(_, channel)| channel);
        let number = |name: &str| settings.get(name)?.parse::<u16>().ok().filter(|number| *number > 0);
        let defaults = Rules::default();
        let down_after = number(DOWN_AFTER).map_or(defaults.down_after, u32::from);
        let rules = Rules {
            degraded_after: number(DEGRADED_AFTER).map_or(defaults.degraded_after, u32::from).min(down_after),
            down_after,
            retry_s: number(RETRY_S).map_or(defaults.retry_s, i64::from),
            ..defaults
        };
        let own = settings.get(SEND_RATE).and_then(|rate| rate.parse().ok());
        let rate = own.or_else(|| channel.as_ref()?.send_rate);
        let burst = number(SEND_BURST).map(u32::from).or_else(|| Some(channel.as_ref()?.send_burst));
        Said {
            rules,
            rate: rate.map(|rate| (rate, burst.unwrap_or(1))),
            is_watched: settings.get(SILENCE).is_none_or(|silence| silence != "ignored"),
        }
    }
}
