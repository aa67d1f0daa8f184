//! The reviews of a company on Trustpilot, which tells of them by webhook: asked so that a call that was missed is made good.
//!
//! Setting: `business_unit_id`. Secret: `api_key`. The list is in the order of `createdAt`; what is changed later is found by the
//! sweep, deletions only by the webhook. Pages are numbers: where a review is deleted while they are read, the next one is
//! found by the sweep, too.

use domain::time::Timestamp;
use serde_json::Value;

use super::lists::{List, named, time};
use crate::{
    account::Via,
    channels::{
        self, Config, Happening, Malformed,
        speak::{Call, Unsayable, address, with_query},
    },
};

const NAME: &str = "trustpilot";
const UNIT: &str = "business_unit_id";
const KEY: &str = "api_key";
/// As many as Trustpilot gives at once.
const PER_PAGE: usize = 100;
/// It is for what was missed.
const INTERVAL_S: i64 = 60 * 60;

/// The list.
pub(super) struct Trustpilot;

impl List for Trustpilot {
    fn name(&self) -> &'static str {
        NAME
    }

    fn interval_s(&self) -> i64 {
        INTERVAL_S
    }

    fn place(&self, via: &Via) -> Option<Result<String, String>> {
        let unit = named(via, UNIT)?;
        let known = unit.bytes().all(|byte| byte.is_ascii_alphanumeric());
        Some(if known { Ok(unit.to_owned()) } else { Err(format!("setting {UNIT}: letters and digits")) })
    }

    fn call(&self, config: &Config, page: Option<&str>) -> Result<Call, Unsayable> {
        let key = config.token(KEY)?.to_owned();
        let base = channels::speaker(NAME).map(|speaker| config.base_url(speaker)).unwrap_or_default();
        let url = address(base, &["v1", "business-units", config.needed(UNIT)?.trim(), "reviews"])?;
        let per_page = PER_PAGE.to_string();
        let query = [("perPage", &*per_page), ("orderBy", "createdat.desc"), ("page", page.unwrap_or("1"))];
        Ok(Call::get(with_query(&url, &query)).with_secret("apikey", key))
    }

    fn entries(&self) -> &'static str {
        "reviews"
    }

    fn next(&self, body: &Value, page: Option<&str>) -> Option<String> {
        let full = body["reviews"].as_array().is_some_and(|reviews| reviews.len() >= PER_PAGE);
        let page: u32 = page.unwrap_or("1").parse().ok()?;
        full.then(|| page.checked_add(1))?.map(|next| next.to_string())
    }

    fn at(&self, entry: &Value) -> Option<Timestamp> {
        time(entry, "/createdAt")
    }

    fn read(&self, body: &Value) -> Result<Vec<Happening>, Malformed> {
        channels::trustpilot::reviews(body.to_string().as_bytes())
    }
}
