//! Real mails by SMTP: each is answered, none is lost, and what comes out in cases is what its bytes say.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::{Duration, Instant},
};

use proto::cases::v1 as pb;
use tests::{
    real_data,
    world::{Caller, World, command_id},
};
use tokio::time::timeout;

use crate::{
    accounts::{all_taken, ledger, with_accounts},
    mail_sets::{Real, Server, mails},
};

const ACCOUNT: &str = "id = \"mail\"\nchannel = \"email\"\nthread = \"threads\"\n\
                       settings = { address = \"care@brand.example\" }";

/// How long the answer to a mail may take.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// How long all of it may take, in a debug build.
const TIME_MAX: Duration = Duration::from_secs(60);
/// There are more mails than this.
const MAILS_MIN: usize = 500;
/// The longest text of a message; of a longer one the whole is a file.
const TEXT_MAX: usize = 64 * 1024;
/// The longest title of a case, in characters.
const TITLE_CHARS_MAX: usize = 80;
/// The longest name of a file.
const FILE_NAME_MAX: usize = 255;
/// Bounces that are made to answer a mail of a case.
const BOUNCES_BACK: usize = 10;
/// The mail as it came.
const ORIGINAL: &str = "original.eml";
/// `mail | field | value`, as the tests of mikel's mail and of zbateson's mail-mime-parser state it.
const STATED: [(&str, &str); 2] = [
    ("mikel-mail", include_str!("../../../services/ingestion/tests/mail/expected/mikel.txt")),
    (
        "zbateson-mail-mime-parser",
        include_str!("../../../services/ingestion/tests/mail/expected/zbateson.txt"),
    ),
];

/// What the parser takes otherwise, as its own tests say: a comment within an address is no part of it; files in uuencode
/// stay in the text; a signature is a file.
const DIFFERENT: [(&str, &str); 3] =
    [("rfc2822/example10.eml", "from"), ("m0018.txt", "attachments"), ("m4002.txt", "attachments")];

/// A mail that came out again.
struct Out {
    case: pb::Case,
    /// Where in the case it stands.
    item: usize,
    /// Who wrote it, where that is told.
    address: Option<String>,
    /// What its files hold.
    files: Vec<Vec<u8>>,
}

impl Out {
    fn item(&self) -> &pb::TimelineItem {
        &self.case.timeline[self.item]
    }
}

async fn content(caller: &mut Caller, case: &str, message: &str, index: usize) -> Vec<u8> {
    let request = pb::GetAttachmentRequest {
        case_id: case.to_owned(),
        message_id: message.to_owned(),
        index: u32::try_from(index).unwrap(),
        ..Default::default()
    };
    let mut pieces = caller.cases.get_attachment(request).await.unwrap().into_inner();
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.message().await.unwrap() {
        bytes.extend(piece.content);
    }
    bytes
}

/// Every mail that is in a case, by its bytes.
async fn came_out(world: &World) -> HashMap<Vec<u8>, Out> {
    let at_least = all_taken(world).await;
    let mut root = world.administrator();
    let mut out = HashMap::new();
    for case in root.list(pb::ListCasesRequest { at_least, page_size: 200, ..Default::default() }).await {
        let case = root.case(&case.case_id).await;
        // Whose address it is in a case of several mails nobody says.
        let address = match case.timeline.len() {
            1 => {
                let request =
                    pb::GetCustomerRequest { customer: case.customer.clone(), ..Default::default() };
                let known =
                    root.customers.get_customer(request).await.unwrap().into_inner().customer.unwrap();
                Some(known.identities[0].address.clone())
            }
            _ => None,
        };
        for (index, item) in case.timeline.iter().enumerate() {
            let mut files = Vec::new();
            for file in 0..item.attachments.len() {
                files.push(content(&mut root, &case.case_id, &item.id, file).await);
            }
            let original = item.attachments.iter().position(|file| file.name == ORIGINAL).unwrap();
            let bytes = files[original].clone();
            let address = address.clone();
            let before = out.insert(bytes, Out { case: case.clone(), item: index, address, files });
            assert!(before.is_none(), "a mail stands in two places");
        }
    }
    out
}

/// A title of these words.
fn title(words: &str) -> String {
    let line = words.replace(char::is_control, " ").split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= TITLE_CHARS_MAX {
        return line;
    }
    let cut: String = line.chars().take(TITLE_CHARS_MAX - 1).collect();
    format!("{}…", cut.trim_end())
}

/// What differs between what came out and what the parser says.
fn differences(real: &Real, out: &Out) -> Vec<String> {
    let mail = real.parsed.as_ref().unwrap();
    let item = out.item();
    let mut differences = Vec::new();
    let mut compare = |field: &str, found: &str, expected: &str| {
        if found != expected {
            let start = |text: &str| text.chars().take(80).collect::<String>();
            differences.push(format!("{field}: {:?} instead of {:?}", start(found), start(expected)));
        }
    };
    let text = mail.text.replace('\0', "\u{fffd}");
    compare("text", &item.text, &text[..text.floor_char_boundary(TEXT_MAX)]);
    let senders = mail.from.iter().chain(&mail.sender).chain(&mail.reply_to);
    let address = senders.filter_map(|sender| sender.address.clone()).find(|address| address.contains('@'));
    if let (Some(found), Some(address)) = (&out.address, &address) {
        compare("address", found, &address.to_lowercase());
    }
    if let Some(name) = mail.from.first().and_then(|from| from.name.as_ref()) {
        compare("name", &item.author_name, &name.replace(char::is_control, " "));
    }
    let names = mail.attachments.iter().map(|file| {
        let name = file.name.as_deref().unwrap_or("file");
        (name[..name.floor_char_boundary(FILE_NAME_MAX)].to_owned(), &file.content)
    });
    for (index, (name, content)) in names.enumerate() {
        let found = item.attachments.get(index).map_or("", |file| &file.name);
        compare("file name", found, &name);
        if out.files.get(index) != Some(content) {
            compare("file", "another content", "the same");
        }
    }
    let title = title(mail.subject.as_deref().filter(|subject| !subject.trim().is_empty()).unwrap_or(&text));
    if out.case.timeline.len() == 1 {
        compare("title", &out.case.title, &title);
    }
    let files = mail.attachments.len() + 1 + usize::from(text.len() > TEXT_MAX);
    compare("files", &item.attachments.len().to_string(), &files.to_string());
    differences
}

/// How many fields came out as the tests of other parsers state them, by family.
fn stated(taken: &[(&Real, &Real)], out: &HashMap<Vec<u8>, Out>) -> BTreeMap<&'static str, u64> {
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut counts = BTreeMap::<&str, u64>::new();
    for (family, table) in STATED {
        for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let [name, field, expected] = line.splitn(3, " | ").collect::<Vec<_>>().try_into().unwrap();
            let suffix = format!("/emails/{name}");
            let of = |(real, _): &&(&Real, &Real)| real.family == family && real.name.ends_with(&suffix);
            let Some(out) = taken.iter().find(of).and_then(|(_, kept)| out.get(&kept.bytes)) else {
                continue;
            };
            let item = out.item();
            let files: Vec<_> = item.attachments.iter().filter(|file| file.name != ORIGINAL).collect();
            let found = match field {
                "subject" if out.case.timeline.len() == 1 => out.case.title.clone(),
                "from" => match &out.address {
                    Some(address) => address.clone(),
                    None => continue,
                },
                "name" => item.author_name.clone(),
                "text" => one_line(&item.text),
                "attachments" => files.len().to_string(),
                "file" => files.first().map(|file| file.name.clone()).unwrap_or_default(),
                "length" => files.first().map(|file| file.bytes.to_string()).unwrap_or_default(),
                _ => continue,
            };
            let expected = match field {
                "subject" => title(expected),
                "from" => expected.to_lowercase(),
                _ => expected.to_owned(),
            };
            if DIFFERENT.contains(&(name, field)) {
                println!("{name}, {field}: {found:?} instead of {expected:?}, for a known cause");
                continue;
            }
            assert_eq!(found, expected, "{name}, {field}");
            *counts.entry(family).or_default() += 1;
        }
    }
    counts
}

/// The mail under another Message-ID, as an answer to this one.
fn answering(real: &Real, id: &str, number: usize) -> Vec<u8> {
    let mut mail =
        format!("Message-ID: <back-{number}@mta.test>\r\nIn-Reply-To: <{id}>\r\nReferences: <{id}>\r\n")
            .into_bytes();
    let (mut in_head, mut left_out) = (true, false);
    for line in real.bytes.split_inclusive(|byte| *byte == b'\n') {
        in_head &= line != b"\r\n";
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default().to_ascii_lowercase();
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            left_out = matches!(&*name, b"message-id" | b"in-reply-to" | b"references");
        }
        if !(in_head && left_out) {
            mail.extend_from_slice(line);
        }
    }
    mail
}

/// A bounce that answers the mail of a case which is resolved leaves it so.
async fn nothing_is_reopened(
    world: &World,
    server: &mut Server,
    mails: &[Real],
    out: &HashMap<Vec<u8>, Out>,
) {
    let mut root = world.administrator();
    let has_id = |real: &&Real| {
        let id = real.parsed.as_ref().map_or("", |mail| &mail.message_id);
        id.contains('@') && out.get(&real.bytes).is_some_and(|out| out.case.timeline.len() == 1)
    };
    let mut cases = BTreeSet::new();
    let is_first = |real: &&Real| cases.insert(&out[&real.bytes].case.case_id);
    let answered = mails.iter().filter(has_id).filter(is_first).take(BOUNCES_BACK);
    let bounces = mails.iter().filter(|real| real.is_bounce() && real.parsed.is_some());
    let mut resolved = Vec::<&String>::new();
    for (answered, bounce) in answered.zip(bounces) {
        let case = &out[&answered.bytes].case.case_id;
        let request =
            pb::ResolveRequest { command_id: command_id(), case_id: case.clone(), ..Default::default() };
        root.cases.resolve(request).await.unwrap();
        let id = &answered.parsed.as_ref().unwrap().message_id;
        let back = answering(bounce, id, resolved.len());
        let answer = server.send("", &back).await;
        assert!(answer.starts_with("250 2.0.0 kept"), "{}: {answer}", bounce.name);
        resolved.push(case);
    }
    assert_eq!(resolved.len(), BOUNCES_BACK);
    all_taken(world).await;
    let mut joined = 0;
    for case in resolved {
        let case = root.case(case).await;
        assert_eq!(case.status(), pb::Status::Resolved, "a bounce reopened a case");
        joined += case.timeline.len() - 1;
    }
    println!("{joined} of {BOUNCES_BACK} bounces that answer stand in the case, and none reopened it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_real_mail_is_answered_and_comes_out_as_its_bytes_say() {
    let Some(folder) = real_data::path("email") else { return };
    let began = Instant::now();
    let mails = mails(&folder);
    assert!(mails.len() > MAILS_MIN, "only {} mails", mails.len());
    let world = with_accounts(&[ACCOUNT]).await;
    let mut server = Server::connect(&world).await;
    let mut answers = BTreeMap::<&str, BTreeMap<String, u64>>::new();
    // Each with the mail that is kept for it.
    let (mut kept, mut taken) = (Vec::new(), Vec::new());
    for real in &mails {
        let from = if real.is_bounce() { "" } else { "envelope@mta.test" };
        let answer = timeout(ANSWER_MAX, server.send(from, &real.bytes)).await;
        let answer = answer.unwrap_or_else(|_| panic!("{} hangs", real.name));
        let known =
            answer.starts_with("250 ") || answer.starts_with('5') && answer.len() > "554 5.6.0 ".len();
        assert!(known, "{}: {answer}", real.name);
        if answer.starts_with("250 2.0.0 kept") {
            kept.push(real);
            taken.push((real, real));
        } else if answer.starts_with("250") {
            // Not the same bytes: other headers, which nobody reads.
            let same = kept.iter().copied().find(|other| other.is_same(real));
            taken.push((real, same.unwrap_or_else(|| panic!("{} was not here already", real.name))));
        } else {
            println!("{}: {answer}", real.name);
        }
        let short = if answer.starts_with("250") { answer } else { "refused".to_owned() };
        *answers.entry(&real.family).or_default().entry(short).or_default() += 1;
    }
    println!("{} mails in {:?}", mails.len(), began.elapsed());
    for (family, answers) in &answers {
        println!("{family}: {answers:?} of {}", answers.values().sum::<u64>());
    }
    let sums = ledger(&world).await["mail"];
    assert_eq!(sums.accepted + sums.duplicate + sums.rejected, mails.len() as u64, "{sums:?}");
    assert_eq!(sums.accepted, kept.len() as u64);

    let out = came_out(&world).await;
    let mut same = BTreeMap::<&str, (u64, u64)>::new();
    for real in kept.iter().filter(|real| real.is_person()) {
        let out = out.get(&real.bytes).unwrap_or_else(|| panic!("{} is in no case", real.name));
        let differences = differences(real, out);
        let (agree, all) = same.entry(&real.family).or_default();
        *agree += u64::from(differences.is_empty());
        *all += 1;
        if !differences.is_empty() {
            println!("{}: {differences:#?}", real.name);
        }
    }
    println!("persons' mails that came out as they are: {same:?}; {:?}", began.elapsed());
    assert!(same.values().all(|(agree, all)| agree == all), "{same:?}");
    let stated = stated(&taken, &out);
    println!("fields that came out as others state them: {stated:?}");
    assert_eq!(stated.len(), STATED.len());
    let machines: Vec<_> = kept.iter().filter(|real| !real.is_person()).collect();
    for real in &machines {
        let Some(out) = out.get(&real.bytes) else { continue };
        let answers = out.case.timeline.iter().any(|item| item.id != out.item().id);
        assert!(answers && !real.is_bounce(), "{} opened a case", real.name);
    }
    println!("{} machines' mails are kept, and none opened a case", machines.len());

    nothing_is_reopened(&world, &mut server, &mails, &out).await;
    assert_eq!(world.log_entries(&["delivery"]).await.len(), 0, "something is sent");
    let last =
        b"From: ana@example.org\r\nSubject: Still there?\r\nMessage-ID: <last@example.org>\r\n\r\nHello\r\n";
    assert!(server.send("ana@example.org", last).await.starts_with("250 2.0.0 kept"));
    let at_least = all_taken(&world).await;
    let filter = pb::Filter { text: "\"Still there\"".into(), ..Default::default() };
    assert_eq!(world.administrator().ids(filter, &at_least).await.len(), 1, "the site goes on");
    assert!(began.elapsed() < TIME_MAX, "{:?}", began.elapsed());
    world.end().await;
}
