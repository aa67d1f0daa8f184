//! Replies as mails: in the right thread, once, with their fate known or honestly unknown; and what comes back of them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use domain::delivery::{Delivery, Progress, Stage, Status};
use proto::cases::v1 as pb;
use tests::{
    mail_server::{FakeMailServer, Taken, Trouble},
    world::{World, command_id},
};

use crate::{
    accounts::{Secrets, all_taken, with_accounts},
    mail::{Server, cases, mail},
    replies::{told, until},
};

/// A mail account that sends by this server.
fn account(server: &FakeMailServer, settings: &str, secrets: &str) -> String {
    let server = server.settings();
    format!(
        "id = \"mail\"\nchannel = \"email\"\nthread = \"threads\"\n\
         settings = {{ address = \"care@brand.example\", from_name = \"Brand, care\", call_time_s = \"4\", {server}{settings} }}\n\
         secrets = {{ {secrets} }}"
    )
}

async fn site(server: &FakeMailServer) -> World {
    with_accounts(&[&account(server, "", "")]).await
}

/// A mail of somebody's comes in, and opens a case.
async fn asked(world: &World, name: &str) -> pb::Case {
    let mail = mail(
        &format!("m-{name}"),
        &format!("References: <old-{name}@example.org>\r\n"),
        &format!("It is {name}'s."),
    );
    let mail = mail.replace("ana@example.org", &format!("{name}@example.org"));
    let answer = Server::connect(world).await.send("care@brand.example", &mail).await;
    assert!(answer.starts_with("250 2.0.0 kept"), "{answer}");
    let mut root = world.administrator();
    for case in cases(world).await {
        let case = root.case(&case.case_id).await;
        if case.timeline[0].text.contains(&format!("It is {name}'s.")) {
            return case;
        }
    }
    panic!("the mail of {name} is in no case");
}

async fn reply(world: &World, case: &pb::Case, text: &str) -> String {
    let reply = pb::ReplyRequest {
        command_id: command_id(),
        case_id: case.case_id.clone(),
        text: text.into(),
        ..Default::default()
    };
    world.administrator().cases.reply(reply).await.unwrap().into_inner().created_id
}

/// What came to the server for somebody, who got one mail.
fn only(server: &FakeMailServer, to: &str) -> Taken {
    let mut taken = server.taken_for(to);
    assert_eq!(taken.len(), 1, "mails for {to}");
    taken.remove(0)
}

fn address(field: &str) -> String {
    field.rsplit(['<', ' ']).next().unwrap().trim_end_matches('>').to_owned()
}

/// A report as a mail server sends it, about one mail of ours.
fn report(about: &Taken, action: &str, status: &str) -> String {
    let head = about.mail.split("\r\n\r\n").next().unwrap();
    format!(
        "From: MAILER-DAEMON@mx.example.org\r\nTo: care@brand.example\r\nSubject: Delivery status\r\n\
         Date: Thu, 01 Jan 2026 12:00:00 +0000\r\nMessage-ID: <dsn-{action}-{status}-{}@mx.example.org>\r\n\
         MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nThe mail system says something.\r\n\
         --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\n\
         Final-Recipient: rfc822; {}\r\nAction: {action}\r\nStatus: {status}\r\n\
         --b\r\nContent-Type: message/rfc822-headers\r\n\r\n{head}\r\n--b--\r\n",
        about.to.replace('@', "-at-"),
        about.to
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_is_a_mail_in_its_thread_and_answers_come_back_to_its_case() {
    let server = FakeMailServer::start().await;
    let world = site(&server).await;
    let case = asked(&world, "ana").await;
    let id = reply(&world, &case, "Is it plugged in? Čaj či káva?\n.\nBrand").await;
    until(&world, &id, Delivery::is_sent).await;
    let sent = only(&server, "ana@example.org");
    assert_eq!(sent.from, "care@brand.example");
    let field = |name: &str| sent.field(name).unwrap_or_else(|| panic!("no {name}:\n{}", sent.mail));
    assert_eq!(field("subject"), "Re: Kettle");
    assert_eq!(field("in-reply-to"), "<m-ana@example.org>");
    assert_eq!(field("references"), "<old-ana@example.org> <m-ana@example.org>");
    assert_eq!(sent.field("auto-submitted"), None, "a person wrote it");
    let read = ingestion::mail::parse(sent.mail.as_bytes()).unwrap();
    let named = |of: &[ingestion::mail::parse::Mailbox]| {
        assert_eq!(of.len(), 1);
        format!("{} <{}>", of[0].name.as_deref().unwrap(), of[0].address.as_deref().unwrap())
    };
    assert_eq!(named(&read.from), "Brand, care <care@brand.example>");
    assert_eq!(named(&read.to), "Ana Lima <ana@example.org>");
    assert_eq!(read.text.trim_end(), "Is it plugged in? Čaj či káva?\n.\nBrand");

    // Only the address says to what it belongs, and only the id of the mail that it answers.
    let mut post = Server::connect(&world).await;
    let reply_to = address(&field("reply-to"));
    assert!(reply_to.starts_with("care+"), "{reply_to}");
    let by_token = mail("m2", "", "By address.").replace("Subject: Kettle", "Subject: Something else");
    assert!(post.send(&reply_to, &by_token).await.starts_with("250 2.0.0 kept"));
    let by_id = mail("m3", &format!("In-Reply-To: {}\r\n", field("message-id")), "By id.");
    assert!(post.send("care@brand.example", &by_id).await.starts_with("250 2.0.0 kept"));
    // What is ours and comes back is refused.
    let back = post.send("care@brand.example", sent.mail.trim_end_matches("\r\n")).await;
    assert!(back.starts_with("554 5.4.6"), "{back}");
    let fallen_back = sent.mail.replace("care@brand.example", "ana@example.org");
    assert!(
        post.send("care@brand.example", fallen_back.trim_end_matches("\r\n")).await.starts_with("554 5.4.6")
    );

    assert_eq!(cases(&world).await.len(), 1);
    let known = world.administrator().case(&case.case_id).await;
    let said: Vec<_> = known.timeline.iter().map(|item| item.text.trim()).collect();
    assert_eq!(said.len(), 4, "{said:?}");
    assert!(said.contains(&"By address.") && said.contains(&"By id."), "{said:?}");

    // The next reply answers the last mail, and names those before it.
    let id = reply(&world, &known, "Then take another one.").await;
    until(&world, &id, Delivery::is_sent).await;
    let second = server.taken_for("ana@example.org").remove(1);
    assert_ne!(second.field("message-id"), sent.field("message-id"));
    let references = second.field("references").unwrap();
    let answered = second.field("in-reply-to").unwrap();
    assert!(["<m2@example.org>", "<m3@example.org>"].contains(&&*answered), "{answered}");
    assert!(references.ends_with(&answered), "{references}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_did_not_take_is_sent_again_and_arrives_once() {
    let server = FakeMailServer::start().await;
    let world = site(&server).await;
    let mut root = world.administrator();
    let troubles = [
        ("grey", Trouble::SaysToRecipient("450 4.7.1 come again")),
        ("full", Trouble::SaysToRecipient("452 4.2.2 full")),
        ("busy", Trouble::SaysToMail("451 4.3.0 busy")),
        ("gone", Trouble::HangsUpBefore),
    ];
    let mut sent = Vec::new();
    for (name, trouble) in troubles {
        let to = format!("{name}@example.org");
        server.trouble(&to, &[trouble]);
        let case = asked(&world, name).await;
        sent.push((to, reply(&world, &case, "Soon.").await, case));
    }
    for (to, id, case) in sent {
        let delivery = until(&world, &id, Delivery::is_sent).await;
        assert_eq!(delivery.parts[0].attempts.len(), 2, "{to}");
        only(&server, &to);
        told(&mut root, &case.case_id, "sent").await;
    }
    for (name, trouble) in [("shut", Trouble::Greets("421 4.3.2 going down")), ("mute", Trouble::Silent)] {
        let case = asked(&world, name).await;
        server.trouble_at_the_door(&[trouble]);
        let id = reply(&world, &case, "Soon.").await;
        let delivery = until(&world, &id, Delivery::is_sent).await;
        assert_eq!(delivery.parts[0].attempts.len(), 2, "{name}");
        only(&server, &format!("{name}@example.org"));
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_refuses_is_a_dead_letter_with_its_reason() {
    use domain::delivery::Rejection;
    let server = FakeMailServer::start().await;
    let world = site(&server).await;
    let mut root = world.administrator();
    for (name, trouble, reason) in [
        ("nobody", Trouble::SaysToRecipient("550 5.1.1 no such user"), Rejection::InvalidRecipient),
        ("blocked", Trouble::SaysToRecipient("554 5.7.1 no"), Rejection::Forbidden),
        ("spam", Trouble::SaysToMail("554 5.7.1 this is spam"), Rejection::ContentRefused),
        ("long", Trouble::SaysToMail("552 5.3.4 too long"), Rejection::TooLong),
    ] {
        let to = format!("{name}@example.org");
        server.trouble(&to, &[trouble]);
        let case = asked(&world, name).await;
        let id = reply(&world, &case, "Soon.").await;
        let dead = until(&world, &id, |delivery| matches!(delivery.stage, Stage::Rejected(_))).await;
        assert_eq!(dead.stage, Stage::Rejected(reason), "{name}");
        assert_eq!(server.taken_for(&to), []);
        told(&mut root, &case.case_id, "failed").await;
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_in_doubt_is_not_sent_again_and_a_report_of_it_says_what_became_of_it() {
    let server = FakeMailServer::start().await;
    let world = site(&server).await;
    let mut root = world.administrator();
    let mut doubtful = Vec::new();
    for (name, trouble) in [
        ("with", Trouble::HangsUpWithIt),
        ("without", Trouble::HangsUpWithoutIt),
        ("silent", Trouble::SilentWithIt),
        ("answered", Trouble::HangsUpWithIt),
    ] {
        let to = format!("{name}@example.org");
        server.trouble(&to, &[trouble]);
        let case = asked(&world, name).await;
        let id = reply(&world, &case, "Perhaps.").await;
        let unclear = until(&world, &id, Delivery::is_unclear).await;
        assert_eq!(unclear.parts[0].attempts.len(), 1, "{name}");
        doubtful.push((name, to, id, case));
    }
    // Later ones go out; these stay as they are.
    let case = asked(&world, "later").await;
    until(&world, &reply(&world, &case, "Surely.").await, Delivery::is_sent).await;
    assert_eq!(server.calls(), 5);
    let mut post = Server::connect(&world).await;
    for (name, to, id, case) in doubtful {
        if name == "without" {
            assert_eq!(server.taken_for(&to), []);
            continue;
        }
        let about = only(&server, &to);
        if name == "answered" {
            let answered = format!("In-Reply-To: {}\r\n", about.field("message-id").unwrap());
            let answer = mail("answer", &answered, "Thank you.").replace("ana@", "answered@");
            assert!(post.send("care@brand.example", &answer).await.starts_with("250"));
            until(&world, &id, |delivery| delivery.status() == Status::Delivered).await;
            told(&mut root, &case.case_id, "sent").await;
            continue;
        }
        assert!(post.send("care@brand.example", &report(&about, "failed", "5.1.1")).await.starts_with("250"));
        let known = until(&world, &id, |delivery| delivery.status() == Status::Bounced).await;
        assert_eq!(known.parts[0].attempts.len(), 1, "{name}");
        told(&mut root, &case.case_id, "bounced").await;
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_goes_to_the_reply_and_opens_nothing() {
    use domain::delivery::Rejection;
    let server = FakeMailServer::start().await;
    let world = site(&server).await;
    let mut root = world.administrator();
    let case = asked(&world, "ana").await;
    let id = reply(&world, &case, "It is on its way.").await;
    until(&world, &id, Delivery::is_sent).await;
    let about = only(&server, "ana@example.org");
    let mut post = Server::connect(&world).await;
    for (action, status) in [("delayed", "4.4.1"), ("failed", "5.1.1"), ("failed", "5.1.1")] {
        assert!(post.send("care@brand.example", &report(&about, action, status)).await.starts_with("250"));
        if action == "delayed" {
            all_taken(&world).await;
            assert_eq!(until(&world, &id, |_| true).await.parts[0].bounced, None);
        }
    }
    let bounced = until(&world, &id, |delivery| delivery.status() == Status::Bounced).await;
    let cause = bounced.parts[0].bounced.clone().unwrap();
    assert_eq!(cause.reason, Rejection::InvalidRecipient);
    assert_eq!(cause.code.unwrap().as_str(), "5-1-1");
    told(&mut root, &case.case_id, "bounced").await;
    // A report of a mail that somebody else wrote is kept, and is nothing.
    let forged = Taken { mail: about.mail.replace("Message-ID: <v", "Message-ID: <w"), ..about.clone() };
    let mark = report(&forged, "delivered", "2.0.0");
    assert!(post.send("care@brand.example", &mark).await.starts_with("250"));
    assert_eq!(cases(&world).await.len(), 1);
    // The next reply goes to who asked, not to the machine.
    let id = reply(&world, &case, "Again, to you.").await;
    until(&world, &id, Delivery::is_sent).await;
    let second = server.taken_for("ana@example.org").remove(1);
    assert_eq!(second.field("in-reply-to").unwrap(), "<m-ana@example.org>");
    let id_of_second = until(&world, &id, Delivery::is_sent).await;
    assert!(id_of_second.parts[0].bounced.is_none());
    assert!(post.send("care@brand.example", &report(&second, "delivered", "2.0.0")).await.starts_with("250"));
    until(&world, &id, |delivery| delivery.status() == Status::Delivered).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_came_back_stays_so_in_whatever_order_servers_report() {
    const REPORTS: [(&str, &str); 4] =
        [("delayed", "4.4.1"), ("relayed", "2.1.9"), ("delivered", "2.0.0"), ("failed", "5.1.1")];
    let server = FakeMailServer::start().await;
    let world = site(&server).await;
    let mut root = world.administrator();
    let mut post = Server::connect(&world).await;
    let mut orders = 0;
    // Every order of the four is one number in the base of four with four digits that differ.
    for number in 0..256_usize {
        let order = [number / 64, number / 16 % 4, number / 4 % 4, number % 4];
        if (0..4).any(|which| !order.contains(&which)) {
            continue;
        }
        orders += 1;
        let name = format!("a{number}");
        let case = asked(&world, &name).await;
        let id = reply(&world, &case, "It is on its way.").await;
        until(&world, &id, Delivery::is_sent).await;
        let about = only(&server, &format!("{name}@example.org"));
        for which in order {
            let (action, status) = REPORTS[which];
            let answer = post.send("care@brand.example", &report(&about, action, status)).await;
            assert!(answer.starts_with("250"), "{order:?}: {action}: {answer}");
        }
        let all_told = |delivery: &Delivery| {
            let part = &delivery.parts[0];
            part.bounced.is_some() && part.progress == Some(Progress::Delivered)
        };
        assert_eq!(until(&world, &id, all_told).await.status(), Status::Bounced, "{order:?}");
        told(&mut root, &case.case_id, "bounced").await;
    }
    assert_eq!(orders, 24);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_is_signed_as_policy_says() {
    let (secrets, server) = (Secrets::new(), FakeMailServer::start().await);
    let key = secrets.put("ed25519", "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=");
    let dkim = ", dkim_domain = \"brand.example\", dkim_selector = \"s1\"";
    let account = account(&server, dkim, &format!("dkim_key = \"{key}\""));
    let world = with_accounts(&[&account]).await;
    let case = asked(&world, "ana").await;
    let id = reply(&world, &case, "Signed.").await;
    until(&world, &id, Delivery::is_sent).await;
    let sent = only(&server, "ana@example.org");
    assert!(sent.mail.starts_with("DKIM-Signature: v=1; a=ed25519-sha256;"), "{}", sent.mail);
    let signature = sent.field("dkim-signature").unwrap();
    assert!(signature.contains("d=brand.example; s=s1;"), "{signature}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_writes_the_same_again_and_again_opens_no_more_cases_and_loses_no_mail() {
    let server = FakeMailServer::start().await;
    let world = site(&server).await;
    let mut post = Server::connect(&world).await;
    for n in 0..15 {
        let text = format!("Your request {n} was received.");
        assert!(
            post.send("care@brand.example", &mail(&format!("loop{n}"), "", &text))
                .await
                .starts_with("250 2.0.0 kept")
        );
    }
    // Whoever has something else to say is heard.
    let other = mail("other", "", "By the way, where is my kettle?");
    assert!(post.send("care@brand.example", &other).await.starts_with("250 2.0.0 kept"));
    assert_eq!(cases(&world).await.len(), 11);
    assert_eq!(crate::accounts::ledger(&world).await["mail"].accepted, 16);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_takes_its_files_and_a_subject_of_its_own_along() {
    let server = FakeMailServer::start().await;
    let world = site(&server).await;
    let case = asked(&world, "ana").await;
    let file = |name: &str, media_type: &str, content: &[u8]| {
        let file = pb::reply_request::File {
            name: name.into(),
            media_type: media_type.into(),
            content: content.to_vec(),
        };
        pb::reply_request::Attachment { from: Some(pb::reply_request::attachment::From::File(file)) }
    };
    let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(3_000).collect();
    let reply = pb::ReplyRequest {
        command_id: command_id(),
        case_id: case.case_id.clone(),
        text: "See the drawing.".into(),
        subject: "Your kettle: a drawing".into(),
        attachments: vec![
            file("Zeichnung für Ana.pdf", "application/pdf", &bytes),
            file("note.txt", "text/plain", b"Mind the lid.\r\n"),
        ],
        ..Default::default()
    };
    let id = world.administrator().cases.reply(reply).await.unwrap().into_inner().created_id;
    until(&world, &id, Delivery::is_sent).await;
    let read = ingestion::mail::parse(only(&server, "ana@example.org").mail.as_bytes()).unwrap();
    assert_eq!(read.text.trim_end(), "See the drawing.");
    assert_eq!(read.subject.as_deref(), Some("Re: Your kettle: a drawing"));
    let files: Vec<_> =
        read.attachments.iter().map(|file| (file.name.as_deref(), &*file.media_type)).collect();
    assert_eq!(
        files,
        [(Some("Zeichnung für Ana.pdf"), "application/pdf"), (Some("note.txt"), "text/plain")],
        "each with its name"
    );
    assert_eq!(read.attachments[0].content, bytes);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_goes_where_the_mail_wants_it_if_the_account_follows_that() {
    let server = FakeMailServer::start().await;
    let world = with_accounts(&[&account(&server, ", reply_to = \"follow\"", "")]).await;
    let mut post = Server::connect(&world).await;
    for (id, reply_to, goes_to) in [
        ("r1", "Ana <Ana@Work.example>", "ana@work.example"),
        ("r2", "care+x@brand.example", "bob@example.org"),
    ] {
        let from = if id == "r1" { "ana@example.org" } else { "bob@example.org" };
        let mail = mail(id, &format!("Reply-To: {reply_to}\r\n"), id).replace("ana@example.org", from);
        assert!(post.send("care@brand.example", &mail).await.starts_with("250 2.0.0 kept"));
        let mut found = None;
        for case in cases(&world).await {
            let case = world.administrator().case(&case.case_id).await;
            if case.timeline[0].text.trim() == id {
                found = Some(case);
            }
        }
        let case = found.unwrap();
        let reply = reply(&world, &case, "Is it plugged in?").await;
        until(&world, &reply, Delivery::is_sent).await;
        only(&server, goes_to);
    }
    assert!(server.taken_for("ana@example.org").is_empty());
    // He is one person, whatever he is answered to.
    assert!(post.send("care@brand.example", &mail("r3", "", "r3")).await.starts_with("250 2.0.0 kept"));
    let customers: std::collections::BTreeSet<_> =
        cases(&world).await.into_iter().map(|case| case.customer).collect();
    assert_eq!(customers.len(), 2, "{customers:?}");
    world.end().await;
}
