//! What it costs to decide by the rules of routing, and how that grows with them.

use std::time::Instant;

use anyhow::Context;
use domain::{
    condition::Facts,
    personal::Personal,
    policy::{Draft, Set},
    routing::rules::Rules,
};
use serde_json::{Value, json};

use crate::{
    measure::{Target, compare, rate},
    settings::Settings,
};

/// Rules of a usual kind, none of which ends it.
const CONDITIONS: [&str; 5] = [
    "message.channel == 'email' && message.language in ['de', 'nl', 'pl']",
    "message.text.matches('(?i)\\\\b(refund|rembours|chargeback)') && customer.segment == 'gold'",
    "case.tags.exists(t, t.startsWith('deli')) && case.age_s > 3600",
    "case.priority in ['high', 'urgent'] && time.weekday in ['saturday', 'sunday']",
    "message.subject.lowerAscii().contains('invoice') || case.fields['order-number'] == 'A-17'",
];
const FEW: usize = 10;
const MANY: usize = 100;

/// Ten times as many rules take no more than ten times as long.
pub async fn run(settings: &Settings) -> anyhow::Result<()> {
    let (few, many) = (rules(FEW)?, rules(MANY)?);
    let mut facts = Facts::default();
    facts.texts.text = Some(Personal::open("nobody", "Bonjour, où est mon colis ? ".repeat(40)));
    facts.about.case.tags = (0..10).map(|n| format!("tag{n}").parse()).collect::<Result<_, _>>()?;
    let decided = |rules: &Rules| {
        let (started, mut count) = (Instant::now(), 0);
        while started.elapsed() < settings.run {
            std::hint::black_box(rules.decide(std::hint::black_box(&facts)));
            count += 1;
        }
        Ok(rate(count, started))
    };
    let what = format!("decisions, {MANY} rules against {FEW}");
    let most = Target::Times((MANY / FEW) as f64);
    compare(&what, most, settings.rounds, async || decided(&few), async || decided(&many)).await
}

fn rules(count: usize) -> anyhow::Result<Rules> {
    let draft = |kind: &str, fields: Value| {
        let fields = fields.as_object().cloned().context("a document is a table")?;
        anyhow::Ok(Draft { kind: kind.into(), fields })
    };
    let mut drafts = vec![draft("queue", json!({ "id": "all", "name": "All", "default": true }))?];
    for n in 0..count {
        let when = CONDITIONS[n % CONDITIONS.len()];
        let (id, then) = (format!("r{n}"), json!({ "queue": "all" }));
        let rule = json!({ "id": id, "name": id, "order": n, "when": when, "continue": true, "then": then });
        drafts.push(draft("routing_rule", rule)?);
    }
    let set = Set::check(&drafts).map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    Ok(Rules::of(&set, 1))
}
