//! Service levels: what is promised to which cases, and when that is in danger.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
    sync::Arc,
};

use serde::Deserialize;
use serde_json::Value;

use super::{
    kinds::Kind,
    problem::Fault,
    schema::{
        self, Field,
        Shape::{self, Checked, Duration, Integer, List, OneOf, Ref, Table, Text},
        optional, required,
    },
    set::Set,
};
use crate::{
    calendar::Calendar,
    case::{Priority, Status},
    ids::{CalendarId, ChannelKind, Invalid, RegionId, SegmentId, SlaId, Tag},
    sla::{
        AtRisk, Conditions, Edition, FirstResponseStart, Hours, Kind as Clock, Measure, OnChange, Policy,
        Reopen, SplitStart, Target, Warning,
    },
    stored::Fields,
};

pub(super) const KIND: Kind = Kind {
    name: "sla",
    group: "sla",
    cascades: false,
    defaults: Fields::new,
    fields: &[
        required("name", Text(NAME_LEN_MAX)),
        required("order", Integer(0, ORDER_MAX)),
        optional(
            "when",
            Table(&[
                optional("regions", List(&Ref("region"))),
                optional("teams", List(&Ref("team"))),
                optional("channels", List(&Checked(|text| ChannelKind::new(text).map(drop)))),
                optional("accounts", List(&Ref("account"))),
                optional("priorities", List(&OneOf(&PRIORITIES))),
                optional("tags", List(&Checked(|text| Tag::new(text).map(drop)))),
                optional("segments", List(&Checked(|text| SegmentId::new(text).map(drop)))),
            ]),
        ),
        required(
            "targets",
            Table(&[
                optional("acknowledgement", Table(&NEVER_PAUSED)),
                optional("first_response", Table(&PAUSED_ON_HOLD)),
                optional("next_response", Table(&PAUSED)),
                optional("periodic_update", Table(&PAUSED)),
                optional("resolution", Table(&PAUSED)),
            ]),
        ),
        optional(
            "at_risk",
            Table(&[optional("percent", Integer(0, 99)), optional("minutes", Integer(0, TARGET_MAX_S / 60))]),
        ),
        optional("reopen", OneOf(&["as_case", "continue", "restart"])),
        optional("on_change", OneOf(&["replay", "restart"])),
        optional("split_start", OneOf(&["message", "split"])),
        optional("first_response_start", OneOf(&["first_message", "handover"])),
    ],
    view,
    check,
};

const NAME_LEN_MAX: usize = 200;
/// The kind of calendars, and the field that names one.
const CALENDAR: &str = "calendar";
/// The last place in the order.
const ORDER_MAX: i64 = 1_000_000;
/// The longest target, in seconds: a year.
const TARGET_MAX_S: i64 = 366 * 24 * 60 * 60;
/// The most warnings of one target.
const WARNINGS_MAX: usize = 10;
const PRIORITIES: [&str; 4] = ["low", "normal", "high", "urgent"];

const NEVER_PAUSED: [Field; 7] = target();
const PAUSED_ON_HOLD: [Field; 8] = pausing(&OneOf(&["on_hold"]));
const PAUSED: [Field; 8] = pausing(&OneOf(&["pending", "on_hold"]));

const fn target() -> [Field; 7] {
    [
        optional("every", Duration(TARGET_MAX_S)),
        optional("low", Duration(TARGET_MAX_S)),
        optional("normal", Duration(TARGET_MAX_S)),
        optional("high", Duration(TARGET_MAX_S)),
        optional("urgent", Duration(TARGET_MAX_S)),
        optional("time", OneOf(&["business", "calendar"])),
        optional("warnings", List(&Checked(|text| warning(text).map(drop)))),
    ]
}

const fn pausing(statuses: &'static Shape) -> [Field; 8] {
    let [every, low, normal, high, urgent, time, warnings] = target();
    [every, low, normal, high, urgent, time, warnings, optional("pauses", List(statuses))]
}

/// A policy as it is written.
#[derive(Deserialize)]
struct Written {
    name: String,
    order: i64,
    #[serde(default, rename = "when")]
    conditions: Conditions,
    #[serde(default)]
    targets: BTreeMap<Clock, Promise>,
    #[serde(default)]
    at_risk: AtRisk,
    #[serde(default)]
    reopen: Reopen,
    #[serde(default)]
    on_change: OnChange,
    #[serde(default)]
    split_start: SplitStart,
    #[serde(default)]
    first_response_start: FirstResponseStart,
}

/// A target as it is written.
#[derive(Deserialize)]
struct Promise {
    every: Option<String>,
    low: Option<String>,
    normal: Option<String>,
    high: Option<String>,
    urgent: Option<String>,
    #[serde(default)]
    time: Measure,
    #[serde(default)]
    warnings: Vec<String>,
    #[serde(default)]
    pauses: BTreeSet<Status>,
}

impl Promise {
    /// What is written for a priority, and in which field.
    fn of(&self, priority: Priority) -> Option<(&'static str, &str)> {
        let (field, own) = match priority {
            Priority::Low => ("low", &self.low),
            Priority::Normal => ("normal", &self.normal),
            Priority::High => ("high", &self.high),
            Priority::Urgent => ("urgent", &self.urgent),
        };
        let own = own.as_deref().map(|text| (field, text));
        own.or_else(|| Some(("every", self.every.as_deref()?)))
    }

    fn read(&self) -> Target {
        let seconds = ALL_PRIORITIES
            .into_iter()
            .filter_map(|priority| Some((priority, schema::seconds(self.of(priority)?.1)?)));
        Target {
            seconds: seconds.collect(),
            measure: self.time,
            pauses: self.pauses.clone(),
            warnings: self.warnings.iter().filter_map(|text| warning(text).ok()).collect(),
        }
    }
}

const ALL_PRIORITIES: [Priority; 4] = [Priority::Low, Priority::Normal, Priority::High, Priority::Urgent];

impl Set {
    /// The policies of service levels, and what their conditions need to know of the organisation.
    pub fn sla_edition(&self, hours: Hours) -> Edition {
        let policies = self.of_kind(KIND.name).filter_map(|document| document.view::<Policy>().cloned());
        let parent = |document: &super::Document| {
            let parent = document.body().get("parent")?.as_str()?;
            RegionId::new(parent).ok()
        };
        Edition::new(policies.collect(), hours, self.by_id("region", parent))
    }
}

impl Set {
    /// The calendars, and where each holds: of teams, accounts, regions and, in the rules of cases, of everything.
    pub fn sla_hours(&self) -> Hours {
        let named = |document: &super::Document| {
            let id = document.body().get(CALENDAR)?.as_str()?;
            CalendarId::new(id).ok()
        };
        let calendars = self.of_kind(CALENDAR).filter_map(|document| {
            let id = CalendarId::new(&document.key().id).ok()?;
            let calendar = Calendar::of(self, &id)?;
            Some((id, calendar))
        });
        Hours {
            calendars: calendars.collect(),
            teams: self.by_id("team", named),
            accounts: self.by_id("account", named),
            regions: self.by_id("region", named),
            global: self.document("case", "global").and_then(named),
        }
    }

    /// Something about each document of a kind, by its id.
    fn by_id<K: FromStr + Ord, V>(
        &self,
        kind: &str,
        what: impl Fn(&super::Document) -> Option<V>,
    ) -> BTreeMap<K, V> {
        let documents = self.of_kind(kind);
        documents.filter_map(|document| Some((document.key().id.parse().ok()?, what(document)?))).collect()
    }
}

fn read(body: &Fields) -> Option<Written> {
    serde_json::from_value(Value::Object(body.clone())).ok()
}

fn view(id: &str, body: &Fields) -> Option<Arc<dyn Any + Send + Sync>> {
    let written = read(body)?;
    Some(Arc::new(Policy {
        id: SlaId::new(id).ok()?,
        order: written.order,
        name: written.name,
        conditions: written.conditions,
        targets: written.targets.iter().map(|(clock, promise)| (*clock, promise.read())).collect(),
        at_risk: written.at_risk,
        reopen: written.reopen,
        on_change: written.on_change,
        split_start: written.split_start,
        first_response_start: written.first_response_start,
    }))
}

/// A share of the target, or a length of time before its end.
fn warning(text: &str) -> Result<Warning, Invalid> {
    const RULE: &str = "a share of the target from 1% to 99%, or a time before its end such as 30 minutes";
    let percent = text.strip_suffix('%').map(|number| number.trim().parse::<u8>().ok());
    let warning = match percent {
        Some(percent) => percent.filter(|percent| (1..=99).contains(percent)).map(Warning::Percent),
        None => schema::seconds(text).filter(|seconds| *seconds > 0).map(Warning::Before),
    };
    warning.ok_or(Invalid { what: "a warning", rule: RULE })
}

fn check(set: &Set, id: &str, body: &Fields) -> Vec<Fault> {
    let Some(written) = read(body) else { return Vec::new() };
    let mut faults = Vec::new();
    let mut others = set.of_kind(KIND.name).filter(|other| &*other.key().id != id);
    let same =
        |other: &&super::Document| other.body().get("order").and_then(Value::as_i64) == Some(written.order);
    if let Some(other) = others.find(same) {
        let message = format!("{} stands at {}, too", other.key(), written.order);
        faults.push(Fault::new(
            "/order",
            message,
            "give each its own place: the first that fits a case is taken",
        ));
    }
    for (clock, promise) in &written.targets {
        let pointer = format!("/targets/{}", clock.as_str());
        check_target(&pointer, promise, &mut faults);
    }
    faults
}

fn check_target(pointer: &str, promise: &Promise, faults: &mut Vec<Fault>) {
    let target = promise.read();
    let Some(shortest) = target.seconds.values().min().copied() else {
        let remedy = "say \"every\", or a priority such as \"urgent\"; or take it away";
        return faults.push(Fault::new(pointer, "it promises nothing", remedy));
    };
    let written: BTreeSet<(&str, &str)> = ALL_PRIORITIES.into_iter().filter_map(|p| promise.of(p)).collect();
    for (field, text) in written {
        if promise.time == Measure::Business && has_days(text) {
            let remedy =
                "write hours, or time = \"calendar\": how long a day is open is said by the calendar";
            faults.push(Fault::new(
                format!("{pointer}/{field}"),
                "a day of business time has no fixed length",
                remedy,
            ));
        }
    }
    if promise.warnings.len() > WARNINGS_MAX {
        let message = format!("there are {} warnings", promise.warnings.len());
        faults.push(Fault::new(
            format!("{pointer}/warnings"),
            message,
            format!("write at most {WARNINGS_MAX}"),
        ));
    }
    for (index, text) in promise.warnings.iter().enumerate() {
        let before = matches!(warning(text), Ok(Warning::Before(seconds)) if seconds >= shortest);
        if before {
            let message = format!("it is due before the clock begins: a target is {shortest} seconds");
            let remedy = "warn later, by less than the shortest target, or by percent";
            faults.push(Fault::new(format!("{pointer}/warnings/{index}"), message, remedy));
        }
    }
}

/// Whether a length is written in days or weeks.
fn has_days(text: &str) -> bool {
    text.trim().parse::<jiff::Span>().is_ok_and(|span| span.get_days() != 0 || span.get_weeks() != 0)
}
