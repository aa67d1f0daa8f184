//! The published payloads that are calls of a connector, as their sources have them.
//!
//! Most of what platforms publish are answers of their APIs; those are no calls, and the tests of the connectors try them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::{fs, path::Path};

use serde_json::Value;

use crate::signed::Call;

/// A payload and the connector that it is for.
#[derive(Clone, Debug)]
pub struct Payload {
    pub connector: &'static str,
    /// Where it is from.
    pub name: String,
    pub call: Call,
}

/// All of them.
pub fn all(folder: &Path) -> Vec<Payload> {
    let mut all = whatsapp(&folder.join("whatsapp/pywa/tests/data/updates"));
    all.push(line(&folder.join("line/python/tests/text/webhook.json")));
    all.extend(mails(&folder.join("inbound-mail-esp")));
    all.extend(cloudevents(&folder.join("cloudevents/conformance")));
    all.extend(bodies_of_vectors(&folder.join("signature_vectors.json")));
    all
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Each file has several, by name.
fn whatsapp(folder: &Path) -> Vec<Payload> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort_unstable();
    let mut payloads = Vec::new();
    for file in files {
        let base = file.file_stem().unwrap().to_string_lossy().into_owned();
        for (name, payload) in json(&file).as_object().unwrap() {
            let call = Call::post(payload.to_string()).with_header("content-type", "application/json");
            payloads.push(Payload { connector: "whatsapp_cloud", name: format!("{base}/{name}"), call });
        }
    }
    payloads
}

/// One call with an event of each kind. All of them carry the same ids, which LINE never does: each but the first, which
/// another event takes back, gets its own.
fn line(file: &Path) -> Payload {
    let mut payload = json(file);
    for (index, event) in payload["events"].as_array_mut().unwrap().iter_mut().enumerate().skip(1) {
        let kind = event["type"].as_str().unwrap().to_owned();
        let id = match &*kind {
            "message" => event.pointer_mut("/message/id"),
            "postback" => event.pointer_mut("/webhookEventId"),
            _ => None,
        };
        if let Some(Value::String(id)) = id {
            id.push_str(&format!("-{index}"));
        }
    }
    let call = Call::post(payload.to_string()).with_header("content-type", "application/json");
    Payload { connector: "line", name: "webhook.json".into(), call }
}

/// Mails that come by the webhook of a mail service.
fn mails(folder: &Path) -> Vec<Payload> {
    let postmark = "anymail/tests/test_files/postmark-inbound-test-payload.json";
    let call = Call::post(fs::read(folder.join(postmark)).unwrap());
    let mut payloads = vec![Payload {
        connector: "postmark",
        name: "inbound".into(),
        call: call.with_header("content-type", "application/json"),
    }];
    for name in ["default_data.txt", "raw_data_with_attachments.txt"] {
        let file = folder.join("sendgrid-python/sendgrid/helpers/inbound/sample_data").join(name);
        let call = Call::post(fs::read(file).unwrap())
            .with_header("content-type", "multipart/form-data; boundary=xYzZY");
        payloads.push(Payload { connector: "sendgrid", name: name.into(), call });
    }
    payloads
}

/// The events of the conformance suite, in the mode that each of them names.
fn cloudevents(folder: &Path) -> Vec<Payload> {
    let files = [
        "yaml/v1.yaml",
        "pkg/diff/testdata/sample1_b.yaml",
        "pkg/diff/testdata/sample2_b.yaml",
        "pkg/diff/testdata/sample2_a/sample2_a_part1.yaml",
        "pkg/diff/testdata/sample2_a/sample2_a_part2.yaml",
        "pkg/diff/testdata/sample5/got/got.yaml",
        "pkg/diff/testdata/sample6/got/got.yaml",
    ];
    let mut payloads = Vec::new();
    for file in files {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        for event in text.split("---\n").filter(|event| event.contains("specversion")) {
            let name = format!("{file}/{}", payloads.len());
            payloads.push(Payload { connector: "cloudevents", name, call: cloudevent(event) });
        }
    }
    payloads
}

/// An event in the YAML of the suite, which is so plain that its lines can be read one by one.
fn cloudevent(event: &str) -> Call {
    let (head, data) = event.split_once("\nData: |\n").unwrap();
    let attributes = head.lines().filter_map(|line| {
        let (name, value) = line.strip_prefix("  ")?.split_once(": ")?;
        (!name.starts_with(' ') && name.trim() != "user-agent").then(|| (name.trim(), value.trim()))
    });
    if head.contains("Mode: binary") {
        let call = Call::post(data.trim()).with_header("content-type", "application/json");
        return attributes.fold(call, |call, (name, value)| call.with_header(&format!("ce-{name}"), value));
    }
    let mut body: serde_json::Map<_, _> =
        attributes.map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
    body.insert("data".to_owned(), serde_json::from_str(data.trim()).unwrap());
    Call::post(Value::Object(body).to_string()).with_header("content-type", "application/cloudevents+json")
}

/// The bodies that published signatures are of are calls as well.
fn bodies_of_vectors(file: &Path) -> Vec<Payload> {
    let mut payloads = Vec::new();
    let form = "application/x-www-form-urlencoded";
    for vector in json(file).as_array().unwrap().iter().filter(|vector| vector["valid"] == true) {
        let scheme = vector["scheme"].as_str().unwrap();
        let body = || vector["body"].as_str().unwrap();
        let (connector, media_type, body) = match scheme {
            "meta-x-hub-signature-256" => ("whatsapp_cloud", "application/json", body().to_owned()),
            "slack-v0" => ("slack", form, body().to_owned()),
            "sendgrid-ecdsa-p256-sha256" => ("sendgrid", "application/json", body().to_owned()),
            // The other forms are signed only to show how, and tell nothing.
            "twilio-request-hmac-sha1" if vector["params"]["CallSid"].is_string() => {
                ("twilio", form, twilio_form(&vector["params"]))
            }
            _ => continue,
        };
        let name = format!("body of {scheme}");
        let call = Call::post(body).with_header("content-type", media_type);
        // Twilio signs one form at many addresses.
        if !payloads.iter().any(|other: &Payload| other.call.body == call.body) {
            payloads.push(Payload { connector, name, call });
        }
    }
    payloads
}

/// The form of a vector of Twilio's.
pub fn twilio_form(parameters: &Value) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in parameters.as_object().unwrap() {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for value in values {
            form.append_pair(name, value.as_str().unwrap());
        }
    }
    form.finish()
}
