//! Mails by SMTP and LMTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use proto::cases::v1 as pb;
use tests::world::World;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::accounts::{all_taken, with_accounts};

const MAIL: &str = "id = \"mail\"\nchannel = \"email\"\nthread = \"threads\"\n\
                    settings = { address = \"care@brand.example, help@brand.example\" }";

/// A mail server that talks to the site.
pub struct Server(BufReader<TcpStream>);

impl Server {
    pub async fn connect(world: &World) -> Self {
        let stream = TcpStream::connect(world.platform.mail.unwrap()).await.unwrap();
        let mut server = Self(BufReader::new(stream));
        assert!(server.answer().await.starts_with("220"));
        server
    }

    /// The last line of an answer.
    async fn answer(&mut self) -> String {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).await.unwrap();
            if line.as_bytes().get(3) != Some(&b'-') {
                return line;
            }
        }
    }

    async fn say(&mut self, line: &str) -> String {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).await.unwrap();
        self.answer().await
    }

    /// The answer to a mail for one recipient.
    pub async fn send(&mut self, to: &str, mail: &str) -> String {
        assert!(self.say("EHLO mta.test").await.starts_with("250"));
        assert!(self.say("MAIL FROM:<ana@example.org>").await.starts_with("250"));
        assert!(self.say(&format!("RCPT TO:<{to}>")).await.starts_with("250"));
        assert!(self.say("DATA").await.starts_with("354"));
        let stuffed = mail.replace("\r\n.", "\r\n..");
        self.say(&format!("{stuffed}\r\n.")).await
    }
}

/// A mail of Ana's.
pub fn mail(id: &str, headers: &str, text: &str) -> String {
    format!(
        "From: Ana Lima <ana@example.org>\r\nTo: care@brand.example\r\nSubject: Kettle\r\n\
         Date: Thu, 01 Jan 2026 10:00:00 +0000\r\nMessage-ID: <{id}@example.org>\r\n{headers}\r\n{text}\r\n"
    )
}

/// All cases, once every mail has been taken up.
pub async fn cases(world: &World) -> Vec<pb::Case> {
    let at_least = all_taken(world).await;
    let mut root = world.administrator();
    root.list(pb::ListCasesRequest { at_least, page_size: 200, ..Default::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_else_a_mail_was_written_to_stands_in_its_case() {
    let world = with_accounts(&[MAIL]).await;
    let mut server = Server::connect(&world).await;
    let copied = "Cc: \"Eve, the neighbour\" <eve@example.org>, bob@example.net\r\n";
    server.send("care@brand.example", &mail("m1", copied, "It does not boil.")).await;
    let several = mail("m2", "", "Nor does this.").replace("To: care@", "To: dan@example.org, care@");
    server.send("care@brand.example", &several).await;
    let mut written = Vec::new();
    for case in cases(&world).await {
        let case = world.administrator().case(&case.case_id).await;
        written.extend(case.timeline.into_iter().map(|item| (item.text, item.to, item.cc)));
    }
    written.sort();
    let expected = [
        ("It does not boil.", "", "eve@example.org, bob@example.net"),
        ("Nor does this.", "dan@example.org, care@brand.example", ""),
    ];
    assert_eq!(written, expected.map(|(text, to, cc)| (text.to_owned(), to.to_owned(), cc.to_owned())));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_is_a_message_once_and_its_answers_stand_in_its_case() {
    let world = with_accounts(&[MAIL]).await;
    let mut server = Server::connect(&world).await;
    let first = mail("m1", "", "It does not boil.\r\n.hidden line");
    assert!(server.send("care@brand.example", &first).await.starts_with("250 2.0.0 kept"));
    assert!(server.send("help+x@Brand.Example", &first).await.starts_with("250 2.0.0 it was here"));
    let answer = mail("m2", "In-Reply-To: <m1@example.org>\r\n", "Still not.");
    assert!(server.send("care@brand.example", &answer).await.starts_with("250 2.0.0 kept"));
    let cases = cases(&world).await;
    assert_eq!(cases.len(), 1);
    let case = world.administrator().case(&cases[0].case_id).await;
    let said: Vec<_> = case.timeline.iter().map(|item| item.text.trim()).collect();
    assert_eq!(said, ["It does not boil.\n.hidden line", "Still not."]);
    assert_eq!((&*case.title, &*case.timeline[0].author_name), ("Kettle", "Ana Lima"));
    assert_eq!(case.timeline[0].attachments[0].name, "original.eml");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_changes_a_mail_by_sending_another_one_under_its_id() {
    let world = with_accounts(&[MAIL]).await;
    let mut server = Server::connect(&world).await;
    server.send("care@brand.example", &mail("m1", "", "It does not boil.")).await;
    let forged = mail("m1", "", "Please send it to my new address.").replace("ana@", "eve@");
    for _ in 0..2 {
        assert!(server.send("care@brand.example", &forged).await.starts_with("250"));
    }
    let cases = cases(&world).await;
    assert_eq!(cases.len(), 2, "the other mail is another message");
    for case in cases {
        let case = world.administrator().case(&case.case_id).await;
        assert!(case.timeline.iter().all(|item| !item.edited));
        assert_eq!(case.timeline.len(), 1);
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_machines_write_opens_nothing() {
    let world = with_accounts(&[MAIL]).await;
    let mut server = Server::connect(&world).await;
    for (id, header) in [
        ("a", "Auto-Submitted: auto-replied\r\n"),
        ("b", "Precedence: bulk\r\n"),
        ("c", "X-Auto-Response-Suppress: All\r\nAuto-Submitted: auto-generated\r\n"),
    ] {
        let answer = server.send("care@brand.example", &mail(id, header, "I am away")).await;
        assert!(answer.starts_with("250"), "{answer}");
    }
    assert_eq!(cases(&world).await.len(), 0);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_opens_nothing_because_it_is_alike_is_counted_and_an_example_is_found() {
    let few = MAIL.replace(" }", ", alike_per_hour_max = \"2\" }");
    let world = with_accounts(&[&few]).await;
    let mut server = Server::connect(&world).await;
    for n in 0..5 {
        let sent = server.send("care@brand.example", &mail(&format!("n{n}"), "", "It does not boil")).await;
        assert!(sent.starts_with("250"), "{sent}");
    }
    // The last one once more: it was counted.
    server.send("care@brand.example", &mail("n4", "", "It does not boil")).await;
    assert_eq!(cases(&world).await.len(), 2);
    let ledger = proto::ingestion::v1::GetLedgerRequest { account: "mail".into(), ..Default::default() };
    let mut root = world.administrator();
    let rows = root.ingestion.get_ledger(ledger).await.unwrap().into_inner().rows;
    let sum =
        |of: fn(&proto::ingestion::v1::get_ledger_response::Row) -> u64| rows.iter().map(of).sum::<u64>();
    assert_eq!((sum(|row| row.accepted), sum(|row| row.held_back), sum(|row| row.rejected)), (5, 3, 0));
    let letters = crate::dead_letters::letters(&world, proto::ingestion::v1::dead_letter::State::Kept).await;
    let [letter] = letters.as_slice() else { panic!("{letters:?}") };
    assert_eq!((&*letter.connector, &*letter.path), ("mail", "alike_per_hour_max"));
    let get = proto::ingestion::v1::GetDeadLetterRequest { id: letter.id.clone(), with_call: true };
    let call = root.dead_letters.get_dead_letter(get).await.unwrap().into_inner().call.unwrap();
    let words = String::from_utf8(call.body).unwrap();
    assert!(words.contains("n2@example.org") && words.contains("It does not boil"), "{words}");
    // To read it anew changes nothing: a person decides.
    let retry = proto::ingestion::v1::RetryDeadLetterRequest { id: letter.id.clone() };
    let again = root.dead_letters.retry_dead_letter(retry).await.unwrap().into_inner().dead_letter.unwrap();
    assert_eq!((again.state(), again.retries), (proto::ingestion::v1::dead_letter::State::Kept, 1));
    assert_eq!(cases(&world).await.len(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_kept_is_refused_with_a_reason_and_counted() {
    let world = with_accounts(&[MAIL]).await;
    let mut server = Server::connect(&world).await;
    server.say("LHLO mta.test").await;
    server.say("MAIL FROM:<>").await;
    assert!(server.say("RCPT TO:<else@brand.example>").await.starts_with("550 5.1.1"));
    let hops = "Received: from a by b; Thu, 01 Jan 2026 10:00:00 +0000\r\n".repeat(101);
    let looping = server.send("care@brand.example", &mail("l", &hops, "Round and round")).await;
    assert!(looping.starts_with("554 5.4.6"), "{looping}");
    let own = mail("o", "", "Hello").replace("ana@example.org", "care@brand.example");
    let own = server.send("care@brand.example", &own).await;
    assert!(own.starts_with("554 5.4.6"), "{own}");
    assert_eq!(cases(&world).await.len(), 0);
    let ledger = proto::ingestion::v1::GetLedgerRequest { account: "mail".into(), ..Default::default() };
    let rows = world.administrator().ingestion.get_ledger(ledger).await.unwrap().into_inner().rows;
    assert_eq!(rows.iter().map(|row| row.rejected).sum::<u64>(), 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_finds_no_place_is_told_to_come_again() {
    let world = with_accounts(&[MAIL]).await;
    let mut all = Vec::new();
    let begins = async |server: &mut Server| {
        server.say("EHLO mta.test").await;
        server.say("MAIL FROM:<ana@example.org>").await;
        server.say("RCPT TO:<care@brand.example>").await;
        server.say("DATA").await
    };
    for _ in 0..ingestion::smtp::Config::default().mails_max {
        let mut server = Server::connect(&world).await;
        assert!(begins(&mut server).await.starts_with("354"));
        all.push(server);
    }
    let mut late = Server::connect(&world).await;
    let answer = begins(&mut late).await;
    assert!(answer.starts_with("451 4.3.2"), "{answer}");
    // Once there is a place, the same conversation goes on.
    drop(all);
    assert!(
        late.send("care@brand.example", &mail("late", "", "At last")).await.starts_with("250 2.0.0 kept")
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_does_not_hold_all_places_of_the_mail_port() {
    let world = with_accounts(&[MAIL]).await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let few =
        ingestion::smtp::Config { connections_max: 4, connections_of_address_max: 2, ..Default::default() };
    let ingestion = world.platform.ingestion.clone().unwrap();
    let serving = tokio::spawn(ingestion::smtp::serve(ingestion, few, listener, Default::default()));
    let from = async |own: &str| {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(own.parse().unwrap()).unwrap();
        let mut server = Server(BufReader::new(socket.connect(address).await.unwrap()));
        (server.answer().await, server)
    };
    let mut silent = Vec::new();
    for _ in 0..2 {
        let (hello, server) = from("127.0.0.1:0").await;
        assert!(hello.starts_with("220"), "{hello}");
        silent.push(server);
    }
    for _ in 0..8 {
        let (refused, mut server) = from("127.0.0.1:0").await;
        assert!(refused.starts_with("421 4.7.0"), "{refused}");
        assert_eq!(server.0.read_line(&mut String::new()).await.unwrap_or_default(), 0, "it is hung up on");
    }
    let (hello, mut other) = from("127.0.0.2:0").await;
    assert!(hello.starts_with("220"), "another address has places: {hello}");
    let sent = other.send("care@brand.example", &mail("other", "", "It leaks")).await;
    assert!(sent.starts_with("250"), "{sent}");
    // Who goes gives his place back, as soon as that is seen.
    silent.pop();
    let again = async {
        while !from("127.0.0.1:0").await.0.starts_with("220") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), again).await.expect("a place");
    serving.abort();
    world.end().await;
}
