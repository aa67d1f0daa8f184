//! Own samples of what no platform publishes, by real HTTP as the published ones: each, told three times and in any order, has
//! the effect of once. Samples of one connector are about the same few messages, so that each has an account of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;
use tests::faults::{Chance, seed};

use crate::{
    payloads::Payload,
    published::{TOLD, outcome, shuffled},
    signed::{Call, account_of},
};

/// Connectors with a file for each sample.
const IN_FILES: [&str; 4] = ["mailgun", "tiktok", "trustpilot", "vk"];
/// Connectors with all samples in one text.
const IN_TEXTS: [&str; 3] = ["facebook_page", "telegram", "x"];
/// At least so many samples each of them has.
const SAMPLES_MIN: usize = 7;

fn all() -> Vec<Payload> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../services/ingestion/testdata/channels");
    let mut all = Vec::new();
    for connector in IN_FILES {
        let mut files: Vec<_> =
            fs::read_dir(folder.join(connector)).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort_unstable();
        for file in files {
            let sample: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            all.push(Payload { connector, name, call: call(&sample) });
        }
    }
    for connector in IN_TEXTS {
        let text = fs::read_to_string(folder.join(connector).join("samples.txt")).unwrap();
        for sample in text.split("\n# ") {
            let (name, rest) = sample.split_once('\n').unwrap();
            let body: Vec<_> = rest.lines().filter(|line| !line.starts_with("-> ")).collect();
            let call = Call::post(body.join("\n").trim()).with_header("content-type", "application/json");
            all.push(Payload { connector, name: name.trim_start_matches("# ").to_owned(), call });
        }
    }
    all
}

/// The call of a sample in JSON.
fn call(sample: &Value) -> Call {
    if let Some(json) = sample.get("json") {
        return Call::post(json.to_string()).with_header("content-type", "application/json");
    }
    if let Some(form) = sample.get("form") {
        let mut body = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form.as_object().unwrap() {
            body.append_pair(name, value.as_str().unwrap());
        }
        let kind = "application/x-www-form-urlencoded; charset=UTF-8";
        return Call::post(body.finish()).with_header("content-type", kind);
    }
    let headers = sample["headers"].as_object().into_iter().flatten();
    let call = Call::post(sample["body"].as_str().unwrap());
    headers.fold(call, |call, (name, value)| call.with_header(name, value.as_str().unwrap()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn own_samples_have_the_effect_of_once_in_any_order() {
    let samples = all();
    let mut of_connector = BTreeMap::new();
    let mut name = |sample: &Payload| {
        let count: &mut usize = of_connector.entry(sample.connector).or_default();
        *count += 1;
        format!("{}-{count}", account_of(sample.connector))
    };
    let names: Vec<_> = samples.iter().map(&mut name).collect();
    assert!(of_connector.values().all(|count| *count >= SAMPLES_MIN), "{of_connector:?}");
    let seed = seed();
    let in_order: Vec<_> = (0..samples.len()).collect();
    let once = outcome(&samples, &names, &in_order).await;
    assert!(once.seen.0.len() > samples.len() / 3, "only {} of them open a case", once.seen.0.len());
    for lane in 0..2 {
        let order = shuffled(samples.len(), &mut Chance::new(seed, lane));
        let thrice = outcome(&samples, &names, &order).await;
        assert_eq!(thrice.seen, once.seen, "order {lane} of the seed {seed}");
        for (account, of) in &once.ledger {
            let now = thrice.ledger[account];
            assert_eq!(now.accepted, of.accepted, "{account}");
            let all = |of: &crate::accounts::Sums| of.accepted + of.duplicate + of.rejected;
            assert_eq!(all(&now), TOLD * all(of), "{account}: each time it came");
        }
        for (key, outcomes) in &once.told {
            let of = |told: &crate::published::Told| -> u64 { told[key].values().sum() };
            assert_eq!(of(&thrice.told), TOLD * outcomes.values().sum::<u64>(), "{key:?}");
        }
    }
    println!(
        "{} samples, {} calls at a site in each of two orders: {of_connector:?}",
        samples.len(),
        3 * samples.len()
    );
}
