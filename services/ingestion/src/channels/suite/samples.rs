//! Own samples, written after the platforms' documentation: `testdata/channels/<connector>/<case>.json`.
//!
//! A sample is a call (`method`, `url`, `headers`, and a body as `json`, `form` or `body`), what the account is set to
//! (`settings`), and what is expected: `happenings` and `answer`, or the path of what is `malformed`.

use std::{fs, path::PathBuf};

use http::Method;
use serde_json::Value;

use super::{Call, NAMES, show, sign};

/// A sample, by its file's name.
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) call: Call,
    pub(super) expect: Value,
}

/// Every sample of every connector.
pub(super) fn all() -> Vec<Sample> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/channels");
    let mut samples = Vec::new();
    for connector in NAMES {
        let mut files: Vec<_> = fs::read_dir(folder.join(connector))
            .unwrap_or_else(|_| panic!("{connector} has no samples"))
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|kind| kind == "json"))
            .collect();
        files.sort();
        assert!(!files.is_empty(), "{connector} has no samples");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let name = format!("{connector}/{}", file.file_stem().unwrap().to_string_lossy());
            let sample: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            samples.push(Sample { call: call(connector, &sample), expect: sample["expect"].clone(), name });
        }
    }
    samples
}

fn call(connector: &'static str, sample: &Value) -> Call {
    let text = |key: &str| sample.get(key).and_then(Value::as_str);
    let mut call = Call::new(connector, Vec::new());
    if let Some(json) = sample.get("json") {
        call.body = json.to_string().into_bytes();
        call.header("content-type", "application/json");
    } else if let Some(form) = sample.get("form") {
        let mut body = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form.as_object().unwrap() {
            body.append_pair(name, value.as_str().unwrap());
        }
        call.body = body.finish().into_bytes();
        call.header("content-type", "application/x-www-form-urlencoded; charset=UTF-8");
    } else if let Some(body) = text("body") {
        call.body = body.as_bytes().to_vec();
    }
    if let Some(method) = text("method") {
        call.method = method.parse::<Method>().unwrap();
    }
    if let Some(url) = text("url") {
        call.url = url.to_owned();
    }
    for (name, value) in sample.get("headers").and_then(Value::as_object).into_iter().flatten() {
        call.header(name, value.as_str().unwrap());
    }
    for (name, value) in sample.get("settings").and_then(Value::as_object).into_iter().flatten() {
        call.config.settings.insert(name.clone(), value.as_str().unwrap().to_owned());
    }
    call
}

#[test]
fn are_proved_and_give_what_they_say() {
    let samples = all();
    let mut wrong = Vec::new();
    for sample in &samples {
        let call = sign::sign(sample.call.clone());
        assert_eq!(call.verify(), Ok(()), "{}: not believed", sample.name);
        let shown = show::outcome(&call.read());
        if shown != sample.expect {
            wrong.push(format!("{}: {}", sample.name, serde_json::to_string_pretty(&shown).unwrap()));
        }
    }
    assert!(wrong.is_empty(), "{} of {} say otherwise:\n{}", wrong.len(), samples.len(), wrong.join("\n"));
    println!("{} samples of {} connectors", samples.len(), NAMES.len());
}

#[test]
fn say_only_what_an_intake_takes() {
    for sample in all() {
        let Ok(said) = sign::sign(sample.call).read() else { continue };
        for happening in said.happenings {
            let super::super::Happening::Message(message) = happening else { continue };
            let says =
                !message.text.trim().is_empty() || message.subject.is_some() || !message.media.is_empty();
            assert!(says, "{}: a message that says nothing", sample.name);
            assert!(!message.customer.id.is_empty() && !message.external_id.is_empty(), "{}", sample.name);
            assert!(message.edited_at.is_none_or(|at| at >= message.sent_at), "{}", sample.name);
            for name in message.fields.keys() {
                let known = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
                assert!(name.len() <= 64 && name.bytes().all(known), "{}: field {name}", sample.name);
            }
        }
    }
}
