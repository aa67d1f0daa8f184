//! `twilio`: a file has an address below the account's; it leads on to a store that needs not know who we are.
//!
//! Secret: `auth_token`. Setting: `account_sid`, unless the address says it.

use data_encoding::BASE64;

use super::fetcher::{Failure, Fetcher, Get};
use crate::{channels::Config, media::Source};

pub(super) struct Twilio;

const TOKEN: &str = "auth_token";
const ACCOUNT: &str = "account_sid";
/// What stands before the account in an address.
const ACCOUNTS: &str = "Accounts";

impl Fetcher for Twilio {
    fn name(&self) -> &'static str {
        "twilio"
    }

    fn base_url(&self) -> &'static str {
        "https://api.twilio.com"
    }

    /// The regions have hosts of their own.
    fn media_hosts(&self) -> &'static [&'static str] {
        &["api.twilio.com", "api.dublin.ie1.twilio.com", "api.sydney.au1.twilio.com"]
    }

    fn ask(&self, source: &Source, config: &Config) -> Result<Get, Failure> {
        let Source::Url(url) = source else {
            return Err(Failure::Never(domain::message::Loss::Unsupported));
        };
        let mut get = Get::at(url)?;
        let mut steps = get.address.url().path_segments().into_iter().flatten();
        let named = steps.find(|step| *step == ACCOUNTS).and_then(|_| steps.next());
        if let Some(account) = config.setting(ACCOUNT).or(named) {
            let pair = format!("{account}:{}", config.file_token(TOKEN)?);
            get.secrets.push(("authorization", format!("Basic {}", BASE64.encode(pair.as_bytes())).into()));
        }
        Ok(get)
    }
}
