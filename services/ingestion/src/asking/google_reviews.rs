//! The reviews of a Google business profile: `accounts.locations.reviews.list` of version 4.
//!
//! Setting: `location` (`accounts/1/locations/2`). Secret: `access_token`, or `refresh_token` and what goes with it. The list is in
//! the order of `updateTime`, so that a review that was changed is the newest again.

use domain::time::Timestamp;
use serde_json::Value;

use super::lists::{List, named, text, time};
use crate::{
    account::Via,
    channels::{
        self, Config, Happening, Malformed,
        speak::{Call, Unsayable, address, with_query},
    },
};

const NAME: &str = "google_reviews";
const LOCATION: &str = "location";
const TOKEN: &str = "access_token";
/// As many as Google gives at once.
const PAGE_SIZE: &str = "50";
/// Google has a quota for each minute; reviews are written by the hour.
const INTERVAL_S: i64 = 5 * 60;

/// The list.
pub(super) struct GoogleReviews;

impl List for GoogleReviews {
    fn name(&self) -> &'static str {
        NAME
    }

    fn interval_s(&self) -> i64 {
        INTERVAL_S
    }

    fn place(&self, via: &Via) -> Option<Result<String, String>> {
        let location = named(via, LOCATION)?;
        let parts: Vec<_> = location.split('/').collect();
        Some(match parts[..] {
            ["accounts", account, "locations", place] if !account.is_empty() && !place.is_empty() => {
                Ok(location.to_owned())
            }
            _ => Err(format!("setting {LOCATION}: a name like accounts/1/locations/2")),
        })
    }

    fn call(&self, config: &Config, page: Option<&str>) -> Result<Call, Unsayable> {
        let token = config.token(TOKEN)?;
        let location = config.needed(LOCATION)?.trim();
        let parts: Vec<_> = ["v4"].into_iter().chain(location.split('/')).chain(["reviews"]).collect();
        let base = channels::speaker(NAME).map(|speaker| config.base_url(speaker)).unwrap_or_default();
        let mut query = vec![("pageSize", PAGE_SIZE), ("orderBy", "updateTime desc")];
        query.extend(page.map(|page| ("pageToken", page)));
        Ok(Call::get(with_query(&address(base, &parts)?, &query)).bearer(token))
    }

    fn entries(&self) -> &'static str {
        "reviews"
    }

    fn next(&self, body: &Value, _: Option<&str>) -> Option<String> {
        text(body, "/nextPageToken")
    }

    fn at(&self, entry: &Value) -> Option<Timestamp> {
        time(entry, "/updateTime").or_else(|| time(entry, "/createTime"))
    }

    fn read(&self, body: &Value) -> Result<Vec<Happening>, Malformed> {
        channels::google_reviews::reviews(body.to_string().as_bytes())
    }
}
