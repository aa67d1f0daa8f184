//! Payloads that others published: each gives what its source says.

use std::fs;

use http::Method;
use serde_json::Value;

use super::{Call, real, show, sign};
use crate::channels::{Happening, Message, google_reviews, youtube};

fn messages(happenings: &[Happening]) -> Vec<&Message> {
    let message = |happening: &'_ Happening| matches!(happening, Happening::Message(_));
    assert!(happenings.iter().all(message), "{:?}", show::happenings(happenings));
    happenings
        .iter()
        .filter_map(|happening| match happening {
            Happening::Message(message) => Some(message.as_ref()),
            _ => None,
        })
        .collect()
}

#[test]
fn youtube_pages_of_comments() {
    let Some(folder) = real() else { return };
    let folder = folder.join("youtube/python-youtube/testdata/apidata");
    let page = |name: &str| youtube::comments(&fs::read(folder.join(name)).unwrap()).unwrap();

    let threads = page("comment_threads/comment_threads_all_to_me.json");
    let threads = messages(&threads);
    let said: Vec<_> =
        threads.iter().map(|comment| (comment.external_id.as_str(), comment.text.as_str())).collect();
    assert_eq!(
        said,
        [
            ("UgyWeTdgc4sc1xgmbld4AaABAg", "Hope to go next time. yah!"),
            ("Ugw5zYU6n9pmIgAZWvN4AaABAg", "This is so beautiful !"),
            ("Ugy0FhSzKMNMT9qs6zt4AaABAg", "大满贯"),
            ("UgwSRpgkjCe6OHHe3IJ4AaABAg", "中午吃啥"),
        ]
    );
    assert_eq!(threads[0].customer.id, "UCNvMBmCASzTNNX8lW3JRMbw");
    assert_eq!(threads[0].customer.name.as_deref(), Some("kun liu"));
    assert_eq!(threads[0].sent_at.to_string(), "2019-12-01T03:36:55.000000Z");
    assert_eq!((threads[0].edited_at, threads[0].outbound, threads[0].public), (None, false, Some(true)));
    assert_eq!(threads[0].fields["video"], "JE8xdDp5B8Q");
    assert_eq!(threads[0].thread_root.as_deref(), Some("UgyWeTdgc4sc1xgmbld4AaABAg"));
    assert_eq!(threads[0].reply_to, None);

    let found = page("comment_threads/comment_threads_with_search.json");
    let found = messages(&found);
    assert_eq!((found.len(), found[0].text.as_str()), (1, "Hello"));

    let replies = page("comments/comments_by_parent_paged_2.json");
    let replies = messages(&replies);
    assert_eq!((replies.len(), replies[0].text.as_str()), (1, "hey, this is the replay"));
    assert_eq!(replies[0].external_id, "Ugw5zYU6n9pmIgAZWvN4AaABAg.91zT3cYb5B291za3E-eR-l");
    assert_eq!(replies[0].reply_to.as_deref(), Some("Ugw5zYU6n9pmIgAZWvN4AaABAg"));
    assert_eq!(replies[0].thread_root.as_deref(), Some("Ugw5zYU6n9pmIgAZWvN4AaABAg"));
}

#[test]
fn youtube_pages_of_anything_else_are_refused() {
    let Some(folder) = real() else { return };
    let folder = folder.join("youtube/python-youtube/testdata/apidata");
    let mut count = 0;
    for group in fs::read_dir(folder).unwrap() {
        let group = group.unwrap().path();
        if !group.is_dir() || group.ends_with("comments") || group.ends_with("comment_threads") {
            continue;
        }
        for page in fs::read_dir(group).unwrap() {
            let page = page.unwrap().path();
            let read = youtube::comments(&fs::read(&page).unwrap());
            // An empty list of something else has nothing to refuse.
            assert!(read.is_err() || read.unwrap().is_empty(), "{}", page.display());
            count += 1;
        }
    }
    println!("{count} pages without comments gave none");
}

#[test]
fn google_list_of_reviews() {
    let Some(folder) = real() else { return };
    let page = fs::read(folder.join("google-reviews/list_reviews_response.json")).unwrap();
    let read = google_reviews::reviews(&page).unwrap();
    let all = messages(&read);
    let reviews: Vec<_> = all.iter().filter(|message| !message.outbound).collect();
    assert_eq!(reviews.len(), 2, "two reviews of three entries: one is null");
    assert_eq!(reviews[0].external_id, "accounts/1/locations/55/reviews/r1");
    assert_eq!(reviews[0].customer.name.as_deref(), Some("Pat"));
    assert_eq!((reviews[0].text.as_str(), reviews[0].fields["rating"].as_str()), ("Great", "5"));
    assert_eq!((reviews[1].customer.name.as_deref(), reviews[1].fields["rating"].as_str()), (None, "3"));
    assert_eq!((reviews[1].text.as_str(), reviews[1].subject.as_deref()), ("", Some("★★★☆☆")));
    assert_eq!(reviews[1].edited_at.unwrap().to_string(), "2026-10-02T00:00:00.000000Z");
    let answers: Vec<_> = all.iter().filter(|message| message.outbound).collect();
    assert_eq!((answers.len(), answers[0].text.as_str()), (1, "Thanks Pat"));
    assert_eq!(answers[0].reply_to.as_deref(), Some("accounts/1/locations/55/reviews/r1"));
}

/// An event as the conformance suite writes it: whether it is binary, its attributes, its data.
type Published = (bool, Vec<(String, String)>, String);

/// The events of a file of the conformance suite, which writes them in a YAML so plain that its lines can be read one by one.
fn events(yaml: &str) -> Vec<Published> {
    let documents = yaml.split("---\n").filter(|text| text.contains("specversion"));
    documents
        .map(|document| {
            let (head, data) = document.split_once("\nData: |\n").unwrap();
            let attribute = |line: &str| {
                let (name, value) = line.strip_prefix("  ")?.split_once(": ")?;
                (!name.starts_with(' ')).then(|| (name.trim().to_owned(), value.trim().to_owned()))
            };
            let attributes = head.lines().filter_map(attribute).filter(|(name, _)| name != "user-agent");
            (head.contains("Mode: binary"), attributes.collect(), data.trim().to_owned())
        })
        .collect()
}

/// The event as its source has it, or as a message of ours in the same envelope.
fn event(binary: bool, attributes: &[(String, String)], data: &str) -> Call {
    let mut call = Call::new("cloudevents", data);
    if binary {
        for (name, value) in attributes {
            call.header(&format!("ce-{name}"), value);
        }
        call.header("content-type", "application/json");
        return call;
    }
    let mut body = serde_json::Map::new();
    for (name, value) in attributes {
        body.insert(name.clone(), Value::String(value.clone()));
    }
    body.insert("data".to_owned(), serde_json::from_str(data).unwrap());
    call.body = Value::Object(body).to_string().into_bytes();
    call.header("content-type", "application/cloudevents+json; charset=utf-8");
    call
}

#[test]
fn cloudevents_of_the_conformance_suite() {
    let Some(folder) = real() else { return };
    let folder = folder.join("cloudevents/conformance");
    let files = [
        "yaml/v1.yaml",
        "pkg/diff/testdata/sample1_b.yaml",
        "pkg/diff/testdata/sample2_b.yaml",
        "pkg/diff/testdata/sample2_a/sample2_a_part1.yaml",
        "pkg/diff/testdata/sample2_a/sample2_a_part2.yaml",
        "pkg/diff/testdata/sample5/got/got.yaml",
        "pkg/diff/testdata/sample6/got/got.yaml",
    ];
    let mut batch = Vec::new();
    let mut count = 0;
    for file in files {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        for (binary, attributes, data) in events(&text) {
            let foreign = sign::bearer(event(binary, &attributes, &data));
            assert_eq!(foreign.verify(), Ok(()));
            assert_eq!(foreign.read().unwrap().happenings, [Happening::Passed("other_event")], "{file}");
            // The same envelope with a message of ours: its attributes are the message's.
            let mut ours = attributes.clone();
            for (name, value) in &mut ours {
                if name == "type" {
                    "dossier.message".clone_into(value);
                }
            }
            let call = event(binary, &ours, r#"{"customer": {"id": "c"}, "text": "hello"}"#);
            let said = call.read().unwrap();
            let read = messages(&said.happenings);
            let get =
                |key: &str| attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
            assert_eq!(read[0].external_id, format!("{} {}", get("source").unwrap(), get("id").unwrap()));
            assert_eq!(Some(read[0].sent_at), get("time").map(|time| time.parse().unwrap()));
            if !binary {
                batch.push(serde_json::from_slice::<Value>(&call.body).unwrap());
            }
            count += 1;
        }
    }
    let call = Call::new("cloudevents", Value::Array(batch.clone()).to_string())
        .with_header("content-type", "application/cloudevents-batch+json");
    assert_eq!(messages(&call.read().unwrap().happenings).len(), batch.len());
    assert!(count >= 10 && batch.len() >= 5, "{count} {}", batch.len());
    println!("{count} published events, {} of them in a batch", batch.len());
}

#[test]
fn the_schema_of_cloudevents_needs_what_we_need() {
    let Some(folder) = real() else { return };
    let schema = fs::read(folder.join("cloudevents/spec/cloudevents/formats/cloudevents.json")).unwrap();
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    for required in schema["required"].as_array().unwrap() {
        let required = required.as_str().unwrap();
        let mut body = serde_json::json!({
            "specversion": "1.0", "id": "1", "source": "/s", "type": "message",
            "data": { "customer": { "id": "c" }, "text": "hello" },
        });
        body.as_object_mut().unwrap().remove(required);
        let call = Call::new("cloudevents", body.to_string())
            .with_header("content-type", "application/cloudevents+json");
        assert_eq!(call.read().unwrap_err().path, required);
    }
}

#[test]
fn standard_webhooks_body_of_the_vector() {
    let call = Call::new("standard_webhooks", r#"{"test": 2432232314}"#);
    assert_eq!(call.read().unwrap_err().path, "type", "signed, but nothing that we know");
}

#[test]
fn postmark_inbound() {
    let Some(folder) = real() else { return };
    let file = "inbound-mail-esp/anymail/tests/test_files/postmark-inbound-test-payload.json";
    let call = sign::sign(Call::new("postmark", fs::read(folder.join(file)).unwrap()));
    assert_eq!(call.verify(), Ok(()));
    let said = call.read().unwrap();
    let mail = messages(&said.happenings)[0];
    assert_eq!(mail.external_id, "00000000-0000-0000-0000-000000000000");
    assert_eq!(mail.customer.id, "support@postmarkapp.com");
    assert_eq!(mail.customer.name.as_deref(), Some("Postmarkapp Support"));
    assert_eq!(mail.subject.as_deref(), Some("Test subject"));
    assert_eq!(mail.text, "This is a test text body.");
    assert_eq!(mail.sent_at.to_string(), "2023-05-05T21:44:33.000000Z");
    assert_eq!(mail.fields["to"], "\"Firstname Lastname\" <mailbox+SampleHash@inbound.postmarkapp.com>");
    assert_eq!(mail.fields["cc"], "\"First Cc\" <firstcc@postmarkapp.com>, secondCc@postmarkapp.com");
    assert_eq!(mail.fields["envelope-to"], "mailbox+SampleHash@inbound.postmarkapp.com");
    assert_eq!(mail.fields["mailbox-hash"], "SampleHash");
    assert_eq!(mail.fields["reply-to"], "replyto@example.com");
    let file = &mail.media[0];
    assert_eq!(file.name.as_deref(), Some("test.txt"));
    assert_eq!(file.media_type.as_deref(), Some("text/plain"));
    let content = b"This is attachment contents, base-64 encoded.".to_vec();
    assert_eq!(file.bytes, Some(45));
    assert_eq!(file.source, crate::channels::MediaSource::Content(content));
}

fn sendgrid(file: &str) -> Option<Call> {
    let path = format!("inbound-mail-esp/sendgrid-python/sendgrid/helpers/inbound/sample_data/{file}");
    let body = fs::read(real()?.join(path)).unwrap();
    let call = Call::new("sendgrid", body).with_header("content-type", "multipart/form-data; boundary=xYzZY");
    let call = sign::sign(call);
    assert_eq!((call.verify(), &call.method), (Ok(()), &Method::POST));
    Some(call)
}

#[test]
fn sendgrid_inbound_taken_apart() {
    let Some(call) = sendgrid("default_data.txt") else { return };
    let said = call.read().unwrap();
    let mail = messages(&said.happenings)[0];
    assert_eq!(mail.customer.id, "test@example.com");
    assert_eq!(mail.customer.name.as_deref(), Some("Example User"));
    // The header and the field differ in the sample; the mail itself counts.
    assert_eq!(mail.subject.as_deref(), Some("Inbound Parse Test Data"));
    assert_eq!(mail.text.trim(), "Hello Twilio SendGrid!");
    assert_eq!(mail.sent_at.to_string(), "2016-08-11T01:10:13.000000Z");
    assert_eq!(mail.fields["to"], "inbound@inbound.example.com");
    assert_eq!(mail.fields["envelope-from"], "test@example.com");
    assert_eq!(mail.fields["spf"], "pass");
    assert!(mail.media.is_empty());
    assert!(mail.external_id.starts_with("sha256:"), "the mail has no Message-ID");
}

#[test]
fn sendgrid_inbound_raw() {
    let Some(call) = sendgrid("raw_data_with_attachments.txt") else { return };
    let said = call.read().unwrap();
    let [Happening::Mail(mail)] = said.happenings.as_slice() else { panic!("no mail") };
    let parsed = mail_parser::MessageParser::default().parse(&mail.raw).unwrap();
    assert_eq!(parsed.subject(), Some("Inbound Parse Test Raw Data with Attachment"));
    assert_eq!(parsed.body_text(0).unwrap().trim(), "Hello Twilio SendGrid!");
    assert_eq!(parsed.attachment_count(), 1);
    assert_eq!(mail.envelope_from.as_deref(), Some("test@example.com"));
    assert_eq!(mail.envelope_to, ["inbound@inbound.inbound.com"]);
}
