//! Published payloads by real HTTP: each, told three times and in any order, has the effect of once.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use http::StatusCode;
use proto::cases::v1 as pb;
use service::telemetry::{self, Telemetry};
use tests::{
    faults::{Chance, seed},
    real_data,
    world::World,
};

use crate::{
    accounts::{Secrets, Sums, all_taken, ledger, with_accounts},
    hooks::Platform,
    payloads::{self, Payload},
    signed::{account, account_of, signed},
};

/// How often a platform tells the same.
pub const TOLD: u64 = 3;
/// At least so many payloads are published.
const PAYLOADS_MIN: usize = 30;

/// By account and kind, what became of it and how often.
pub type Told = BTreeMap<(String, String), BTreeMap<String, u64>>;

/// What the site counted of what platforms told, up to now.
pub fn told() -> Told {
    static TELEMETRY: OnceLock<Telemetry> = OnceLock::new();
    let telemetry = TELEMETRY.get_or_init(|| {
        let config = telemetry::Config { filter: "error".into(), ..Default::default() };
        Telemetry::begin("tests", &config).expect("nobody else in this process has begun")
    });
    let mut told = Told::new();
    for family in telemetry.registry().gather() {
        if family.name() != "dossier_hook_happenings_total" {
            continue;
        }
        for metric in family.get_metric() {
            let label = |name: &str| {
                let label = metric.get_label().iter().find(|label| label.name() == name);
                label.map(|label| label.value().to_owned()).unwrap_or_default()
            };
            let count = metric.get_counter().get_value() as u64;
            told.entry((label("account"), label("kind"))).or_default().insert(label("outcome"), count);
        }
    }
    told
}

/// What was counted since, by account and kind: of each outcome.
pub fn since(before: &Told) -> Told {
    let mut now = told();
    for (key, outcomes) in &mut now {
        for (outcome, count) in outcomes {
            *count -= before.get(key).and_then(|before| before.get(outcome)).copied().unwrap_or_default();
        }
    }
    now
}

/// Everything that a person can see of what came in.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen(pub Vec<String>);

async fn seen(world: &World) -> Seen {
    let at_least = all_taken(world).await;
    let mut root = world.administrator();
    let cases = root.list(pb::ListCasesRequest { at_least, page_size: 200, ..Default::default() }).await;
    let mut seen = Vec::new();
    for case in cases {
        let case = root.case(&case.case_id).await;
        let mut items: Vec<_> = case
            .timeline
            .iter()
            .map(|item| {
                let files: Vec<_> = item.attachments.iter().map(|file| (&file.name, file.bytes)).collect();
                let (edited, deleted) = (item.edited, item.deleted_at_source);
                format!(
                    "  {:?} {:?} {:?} public={} edited={edited} deleted={deleted} fate={:?} signs={:?} {files:?}",
                    item.kind(),
                    item.author_name,
                    item.text,
                    item.public,
                    item.fate,
                    item.signs,
                )
            })
            .collect();
        items.sort_unstable();
        seen.push(format!(
            "{} {:?} {:?}\n{}",
            case.account,
            case.customer_name,
            case.status(),
            items.join("\n")
        ));
    }
    seen.sort_unstable();
    Seen(seen)
}

/// What a site makes of the payloads, in this order of their places.
pub struct Outcome {
    pub seen: Seen,
    pub ledger: BTreeMap<String, Sums>,
    pub told: Told,
}

/// `names` are the accounts of the payloads, each at its place.
pub async fn outcome(payloads: &[Payload], names: &[String], order: &[usize]) -> Outcome {
    let before = told();
    let secrets = Secrets::new();
    let accounts: BTreeSet<_> =
        payloads.iter().zip(names).map(|(payload, name)| (payload.connector, name)).collect();
    let table = |(connector, name): &(&str, &String)| {
        let id = |name: &str| format!("id = \"{name}\"\n");
        account(connector, &secrets).replace(&id(&account_of(connector)), &id(name))
    };
    let accounts: Vec<_> = accounts.iter().map(table).collect();
    let accounts: Vec<_> = accounts.iter().map(String::as_str).collect();
    let world = with_accounts(&accounts).await;
    let platform = Platform::of(&world);
    for &index in order {
        let Payload { connector, call, name } = &payloads[index];
        let at = world.platform.shell.clock.now().as_microsecond() / 1_000_000;
        let (status, text) = signed(connector, call, at).send(&platform, &names[index]).await;
        assert_eq!(status, StatusCode::OK, "{connector}: {name}: {text}");
    }
    let outcome = Outcome { seen: seen(&world).await, ledger: ledger(&world).await, told: since(&before) };
    world.end().await;
    outcome
}

/// Every payload three times, in an order that the chance makes.
pub fn shuffled(payloads: usize, chance: &mut Chance) -> Vec<usize> {
    let mut order: Vec<_> = (0..payloads).flat_map(|index| [index; TOLD as usize]).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, chance.below(last as u64 + 1) as usize);
    }
    order
}

fn print(payloads: &[Payload], once: &Outcome) {
    println!("connector        payloads  messages  mails  receipts  reactions  deletions  contacts  passed");
    let connectors: BTreeSet<_> = payloads.iter().map(|payload| payload.connector).collect();
    for connector in connectors {
        let account = account_of(connector);
        let of = payloads.iter().filter(|payload| payload.connector == connector).count();
        let kind = |kind: &str| -> u64 {
            once.told.get(&(account.clone(), kind.to_owned())).map_or(0, |all| all.values().sum())
        };
        println!(
            "{connector:<15} {of:>9} {:>9} {:>6} {:>9} {:>10} {:>10} {:>9} {:>7}",
            kind("message"),
            kind("mail"),
            kind("receipt"),
            kind("reaction"),
            kind("deletion"),
            kind("contact"),
            kind("other"),
        );
        println!("  {:?}", once.ledger.get(&account).copied().unwrap_or_default());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn published_payloads_have_the_effect_of_once_in_any_order() {
    let Some(folder) = real_data::path("webhooks") else { return };
    let payloads = payloads::all(&folder);
    assert!(payloads.len() >= PAYLOADS_MIN, "only {} payloads", payloads.len());
    let seed = seed();
    let in_order: Vec<_> = (0..payloads.len()).collect();
    let names: Vec<_> = payloads.iter().map(|payload| account_of(payload.connector)).collect();
    let once = outcome(&payloads, &names, &in_order).await;
    print(&payloads, &once);
    for payload in &payloads {
        let account = account_of(payload.connector);
        let counted = once.told.keys().any(|(of, _)| *of == account);
        assert!(counted, "{}: {} said nothing", payload.connector, payload.name);
    }
    println!("{}", once.seen.0.join("\n"));
    for lane in 0..2 {
        let order = shuffled(payloads.len(), &mut Chance::new(seed, lane));
        let thrice = outcome(&payloads, &names, &order).await;
        assert_eq!(thrice.seen, once.seen, "order {lane} of the seed {seed}");
        for (account, of) in &once.ledger {
            let all = of.accepted + of.duplicate + of.rejected;
            let expected = Sums {
                accepted: of.accepted,
                duplicate: TOLD * (all - of.rejected) - of.accepted,
                rejected: TOLD * of.rejected,
            };
            assert_eq!(thrice.ledger[account], expected, "{account}");
        }
        for (key, outcomes) in &once.told {
            let (of, all): (u64, u64) = (outcomes.values().sum(), thrice.told[key].values().sum());
            assert_eq!(all, TOLD * of, "{key:?}");
        }
    }
    println!(
        "{} payloads, {} calls at a site in each of two orders",
        payloads.len(),
        TOLD as usize * payloads.len()
    );
}
