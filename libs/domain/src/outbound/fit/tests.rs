use serde_json::json;

use super::{super::Template, *};
use crate::policy::{Draft, Set};

fn channel(fields: serde_json::Value) -> Channel {
    let serde_json::Value::Object(mut fields) = fields else { panic!("no table") };
    fields.insert("id".into(), "any".into());
    let set = Set::check(&[Draft { kind: "channel".into(), fields }]).unwrap();
    set.channel(&"any".parse().unwrap()).unwrap()
}

fn known(id: &str) -> Channel {
    Set::default().channel(&id.parse().unwrap()).unwrap()
}

fn template() -> Form {
    Form::Template(Template {
        name: "order_update".parse().unwrap(),
        language: None,
        parameters: Vec::new(),
        named: std::collections::BTreeMap::new(),
    })
}

fn tag(name: &str) -> Form {
    Form::Tag { name: name.parse().unwrap() }
}

fn judge_on(channel: &Channel, form: &Form, has_subject: bool, files: &[(&str, u64)]) -> Result<(), Misfit> {
    let types: Vec<MediaType> = files.iter().map(|(name, _)| name.parse().unwrap()).collect();
    let files: Vec<_> =
        types.iter().zip(files).map(|(media_type, (_, bytes))| File { media_type, bytes: *bytes }).collect();
    fits(channel, form, has_subject, &files)
}

#[test]
fn what_a_channel_has_not_is_refused_by_its_name() {
    let (plain, files) = (channel(json!({"media": false})), [("image/png", 1)]);
    assert_eq!(judge_on(&plain, &Form::Free, false, &[]), Ok(()));
    assert_eq!(judge_on(&plain, &template(), false, &[]), Err(Misfit::Template));
    assert_eq!(judge_on(&plain, &tag("human_agent"), false, &[]), Err(Misfit::Tag { tags: Vec::new() }));
    assert_eq!(judge_on(&plain, &Form::Free, true, &[]), Err(Misfit::Subject));
    assert_eq!(judge_on(&plain, &Form::Free, false, &files), Err(Misfit::NoFiles));
    assert_eq!(
        judge_on(&channel(json!({"listen_only": true})), &Form::Free, false, &[]),
        Err(Misfit::ListenOnly)
    );
    let rich = channel(json!({"subjects": true, "beyond": "template", "tags": {"human_agent": "7 days"}}));
    assert_eq!(judge_on(&rich, &Form::Free, true, &files), Ok(()));
    assert_eq!(judge_on(&rich, &template(), false, &files), Ok(()));
    assert_eq!(judge_on(&rich, &template(), false, &[files[0], files[0]]), Err(Misfit::FilesOfTemplate));
    assert_eq!(judge_on(&rich, &tag("human_agent"), false, &[]), Ok(()));
    let other = judge_on(&rich, &tag("other"), false, &[]).unwrap_err();
    assert!(other.to_string().contains("take one of human_agent"), "{other}");
}

#[test]
fn files_are_of_a_type_and_a_size_that_the_channel_takes() {
    let some = channel(json!({"media_types": {"image/*": 10, "image/gif": 3, "application/pdf": 20}}));
    let judge = |files: &[(&str, u64)]| judge_on(&some, &Form::Free, false, files);
    assert_eq!(judge(&[("image/png", 10), ("application/pdf", 20)]), Ok(()));
    assert_eq!(judge(&[("image/png", 1), ("text/plain", 1)]), Err(Misfit::FileType { index: 1 }));
    assert_eq!(judge(&[("image/png", 11)]), Err(Misfit::FileTooLarge { index: 0, max: 10 }));
    // What is named more exactly counts.
    assert_eq!(judge(&[("image/gif", 4)]), Err(Misfit::FileTooLarge { index: 0, max: 3 }));
    assert_eq!(judge(&[("image/gif", 1); FILES_MAX + 1]), Err(Misfit::TooManyFiles));
    let any = channel(json!({}));
    let judge = |files: &[(&str, u64)]| judge_on(&any, &Form::Free, false, files);
    assert_eq!(judge(&[("text/x", FILES_BYTES_MAX)]), Ok(()));
    assert_eq!(judge(&[("text/x", FILES_BYTES_MAX), ("text/x", 1)]), Err(Misfit::FilesTooLarge));
    assert_eq!(
        judge(&[("text/x", u64::MAX); 2]),
        Err(Misfit::FileTooLarge { index: 0, max: FILES_BYTES_MAX })
    );
}

#[test]
fn the_channels_that_we_know_take_what_their_platforms_do() {
    let pdf = [("application/pdf", 1_000_000)];
    for (id, takes) in [
        ("whatsapp", true),
        ("telegram", true),
        ("messenger", true),
        ("facebook", true),
        ("email", true),
        // Those that want an address from which they fetch the file, or an upload of another kind.
        ("line", false),
        ("sms", false),
        ("instagram", false),
        ("slack", false),
        ("x", false),
    ] {
        assert_eq!(judge_on(&known(id), &Form::Free, false, &pdf).is_ok(), takes, "{id}");
    }
    assert_eq!(
        judge_on(&known("whatsapp"), &Form::Free, false, &[("application/x-sh", 1)]),
        Err(Misfit::FileType { index: 0 })
    );
    assert!(judge_on(&known("email"), &Form::Free, true, &[]).is_ok());
}

#[test]
fn words_are_counted_as_the_channel_counts_before_anything_is_promised() {
    let three = channel(json!({"length_max": 10, "length_unit": "utf16", "parts_max": 3}));
    let long = "word ".repeat(7);
    assert_eq!(holds(&three, &Form::Free, &"word ".repeat(6)), Ok(()));
    assert_eq!(holds(&three, &template(), &long), Ok(()), "what a template says is not sent by us");
    for form in [Form::Free, tag("human_agent")] {
        let misfit = holds(&three, &form, &long).unwrap_err();
        let expected =
            "text: 35 UTF-16 units, and this channel takes at most 10 in each of 3 messages: shorten it";
        assert_eq!((misfit.to_string().as_str(), misfit.code()), (expected, "TOO_LONG"));
    }
    let one = channel(json!({"length_max": 4}));
    let misfit = holds(&one, &Form::Free, "e\u{301}tude").unwrap_err();
    assert_eq!(misfit.to_string(), "text: 5 characters, and this channel takes at most 4: shorten it");
    let link = holds(&three, &Form::Free, "see https://brand.example/where").unwrap_err();
    assert_eq!(link.code(), "TOO_LONG");
    assert!(link.to_string().starts_with("text: a link or a character"), "{link}");
    assert_eq!(holds(&channel(json!({})), &Form::Free, &"x".repeat(60_000)), Ok(()));
}
