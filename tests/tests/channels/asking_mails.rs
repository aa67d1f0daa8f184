//! Mailboxes that are asked, by real IMAP: every mail once, whatever breaks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use service::clock::{Clock, ManualClock};
use tests::{
    mailbox::{Breaks, FakeMailbox},
    real_data,
    world::World,
};

use crate::{
    accounts::{Secrets, give_accounts, ledger},
    asking::{events, meanwhile, said, start},
    mail_sets::{Real, mails},
};

fn account(id: &str, mailbox: &FakeMailbox, secrets: &Secrets, more: &str) -> String {
    let secret = secrets.put(&format!("{id}-password"), "password");
    format!(
        "id = \"{id}\"\nchannel = \"email\"\nthread = \"threads\"\n\
         settings = {{ address = \"{id}@brand.example\", imap_host = \"{}\", imap_port = \"{}\", imap_tls = \"none\", \
         imap_user = \"care\", poll_s = \"60\", private_addresses = \"true\"{more} }}\nsecrets = {{ imap_password = \"{secret}\" }}",
        mailbox.address.ip(),
        mailbox.address.port()
    )
}

fn mail(id: &str, text: &str) -> Vec<u8> {
    format!(
        "From: Ana <ana-{id}@example.org>\r\nTo: care@brand.example\r\nSubject: Kettle\r\n\
         Message-ID: <{id}@example.org>\r\n\r\n{text}\r\n"
    )
    .into_bytes()
}

async fn texts(world: &World) -> Vec<String> {
    said(world).await.into_iter().map(|(_, text, _)| text.trim().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mail_comes_in_once_whatever_breaks_and_one_that_hangs_holds_up_no_other() {
    let (clock, secrets) = (start(), Secrets::new());
    let (broken, hanging) = (FakeMailbox::start("password").await, FakeMailbox::start("password").await);
    let all = [Breaks::InTheMiddle, Breaks::Bye, Breaks::No, Breaks::Nonsense];
    for n in 0..8_u8 {
        let uid = broken.put(mail(&format!("m{n}"), &format!("mail {n}")));
        broken.breaks(uid, &all[usize::from(n % 4)..]);
    }
    let uid = hanging.put(mail("h1", "never"));
    hanging.breaks(uid, &[Breaks::Hangs; 9]);
    let world = World::start_at(Arc::new(clock.clone())).await;
    let accounts = [account("broken", &broken, &secrets, ""), account("hanging", &hanging, &secrets, "")];
    give_accounts(&world, &[&accounts[0], &accounts[1]]).await;
    meanwhile(&clock, events(&world, 5)).await;
    let folder = world.end().await.unwrap();
    let world = World::open(folder.path(), Arc::new(clock.clone())).await;
    give_accounts(&world, &[&accounts[0], &accounts[1]]).await;
    meanwhile(&clock, events(&world, 8)).await;
    broken.put(mail("m8", "mail 8"));
    meanwhile(&clock, events(&world, 9)).await;
    meanwhile(&clock, broken.asked(2)).await;
    let expected: Vec<_> = (0..9).map(|n| format!("mail {n}")).collect();
    assert_eq!(texts(&world).await, expected);
    let sums = ledger(&world).await["broken"];
    assert_eq!((sums.accepted, sums.rejected), (9, 0));
    // A process that ended between a mail and the note of it asks for that one again.
    assert!(sums.duplicate <= 1, "{sums:?}");
    assert!(broken.mails().iter().all(|mail| !mail.seen), "nothing is marked");
    assert!(!broken.said().iter().any(|said| said.starts_with("SELECT") || said.contains("STORE")));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_that_are_too_large_are_counted_and_hold_up_nothing() {
    let (clock, secrets, mailbox) = (start(), Secrets::new(), FakeMailbox::start("password").await);
    mailbox.put(mail("a", "before"));
    mailbox.put_sized(mail("b", "too large"), 64 << 20);
    let liar = mailbox.put(mail("c", "larger than said"));
    mailbox.breaks(liar, &[Breaks::Announces; 3]);
    mailbox.put(mail("d", "after"));
    let world = World::start_at(Arc::new(clock.clone())).await;
    give_accounts(&world, &[&account("care", &mailbox, &secrets, "")]).await;
    meanwhile(&clock, events(&world, 2)).await;
    meanwhile(&clock, mailbox.asked(2)).await;
    assert_eq!(texts(&world).await, ["after", "before"]);
    let sums = ledger(&world).await["care"];
    assert_eq!((sums.accepted, sums.duplicate, sums.rejected), (2, 0, 2));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_uids_make_nothing_come_twice() {
    let (clock, secrets, mailbox) = (start(), Secrets::new(), FakeMailbox::start("password").await);
    for n in 0..4 {
        mailbox.put(mail(&format!("m{n}"), &format!("mail {n}")));
    }
    let world = World::start_at(Arc::new(clock.clone())).await;
    give_accounts(&world, &[&account("care", &mailbox, &secrets, "")]).await;
    meanwhile(&clock, events(&world, 4)).await;
    meanwhile(&clock, mailbox.asked(2)).await;
    mailbox.renumber(77);
    mailbox.put(mail("m4", "mail 4"));
    meanwhile(&clock, events(&world, 5)).await;
    meanwhile(&clock, mailbox.asked(2)).await;
    let expected: Vec<_> = (0..5).map(|n| format!("mail {n}")).collect();
    assert_eq!(texts(&world).await, expected);
    let sums = ledger(&world).await["care"];
    assert_eq!((sums.accepted, sums.duplicate, sums.rejected), (5, 4, 0));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_is_marked_or_moved_as_wished_and_what_is_refused_stays() {
    let (clock, secrets) = (start(), Secrets::new());
    let boxes =
        [("seen", "seen", ""), ("moves", "move:Done", "MOVE UIDPLUS"), ("copies", "move:Done", "UIDPLUS")];
    let mut all = Vec::new();
    for (id, after, can) in boxes {
        let mailbox = FakeMailbox::start("password").await;
        mailbox.can(can);
        mailbox.put(mail(id, id));
        mailbox.put_sized(mail(&format!("{id}-large"), "too large"), 64 << 20);
        let account = account(id, &mailbox, &secrets, &format!(", imap_after = \"{after}\""));
        all.push((mailbox, account));
    }
    let world = World::start_at(Arc::new(clock.clone())).await;
    let accounts: Vec<_> = all.iter().map(|(_, account)| account.as_str()).collect();
    give_accounts(&world, &accounts).await;
    meanwhile(&clock, events(&world, 3)).await;
    for (mailbox, _) in &all {
        meanwhile(&clock, mailbox.asked(1)).await;
    }
    assert_eq!(all[0].0.mails().iter().map(|mail| mail.seen).collect::<Vec<_>>(), [true, false]);
    for (mailbox, _) in &all[1..] {
        assert_eq!((mailbox.moved("Done"), mailbox.mails().len()), (1, 1));
    }
    assert_eq!(texts(&world).await, ["copies", "moves", "seen"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_let_in_is_named_until_he_is_and_a_token_is_as_good_as_a_password() {
    let (clock, secrets) = (start(), Secrets::new());
    let (wrong, token) = (FakeMailbox::start("another").await, FakeMailbox::start("t0ken").await);
    wrong.put(mail("w", "at last"));
    token.put(mail("t", "by token"));
    let wrong_account = account("wrong", &wrong, &secrets, "");
    let token_account = account("token", &token, &secrets, "").replace("imap_password =", "imap_token =");
    secrets.put("token-password", "t0ken");
    let private = account("private", &wrong, &secrets, "").replace("imap_tls = \"none\", ", "");
    let private = private.replace(", private_addresses = \"true\"", "");
    let world = World::start_at(Arc::new(clock.clone())).await;
    give_accounts(&world, &[&wrong_account, &token_account, &private]).await;
    let mut health = world.platform.health();
    let named = |name: &'static str| {
        move |state: &service::health::State| {
            state.degraded.iter().any(|waits| (waits.name, &*waits.stream) == ("asking", name))
        }
    };
    let both = health.wait_for(|state| named("wrong")(state) && named("private")(state));
    let state = meanwhile(&clock, both).await.unwrap().clone();
    let reason =
        |name: &str| state.degraded.iter().find(|waits| waits.stream == name).unwrap().reason.clone();
    assert!(
        reason("wrong").contains("does not let us in: see the account's imap_user"),
        "{}",
        reason("wrong")
    );
    assert!(reason("private").contains("private network"), "{}", reason("private"));
    wrong.lets_in("password");
    drop(meanwhile(&clock, health.wait_for(|state| !named("wrong")(state))).await.unwrap());
    meanwhile(&clock, events(&world, 2)).await;
    assert_eq!(texts(&world).await, ["at last", "by token"]);
    world.end().await;
}

/// What is left of the mails of the sets when each is a message once: by who sent what under which id.
fn different(mails: &[Real]) -> usize {
    let mut kept: Vec<&Real> = Vec::new();
    for real in mails.iter().filter(|real| real.parsed.is_some()) {
        if !kept.iter().any(|other| other.is_same(real)) {
            kept.push(real);
        }
    }
    kept.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_real_mail_of_a_mailbox_comes_out_or_is_refused() {
    let Some(folder) = real_data::path("email") else { return };
    let mails = mails(&folder);
    let (clock, secrets, mailbox): (ManualClock, _, _) = (
        ManualClock::new(service::clock::SystemClock.now()),
        Secrets::new(),
        FakeMailbox::start("password").await,
    );
    for real in &mails {
        mailbox.put(real.bytes.clone());
    }
    let world = World::start_at(Arc::new(clock.clone())).await;
    let account = account("care", &mailbox, &secrets, ", imap_after = \"move:Taken\"");
    give_accounts(&world, &[&account]).await;
    let done = async {
        loop {
            mailbox.asked(1).await;
            let sums = ledger(&world).await.get("care").copied().unwrap_or_default();
            if sums.accepted + sums.duplicate + sums.rejected >= mails.len() as u64 {
                return sums;
            }
        }
    };
    let sums = meanwhile(&clock, done).await;
    let mut families = BTreeMap::<&str, usize>::new();
    for real in &mails {
        *families.entry(&real.family).or_default() += 1;
    }
    println!(
        "{} mails {families:?}: {sums:?}; {} moved, {} left",
        mails.len(),
        mailbox.moved("Taken"),
        mailbox.mails().len()
    );
    assert_eq!(sums.accepted + sums.duplicate + sums.rejected, mails.len() as u64);
    assert_eq!(mailbox.moved("Taken") as u64, sums.accepted + sums.duplicate, "what was taken is moved");
    assert_eq!(mailbox.mails().len() as u64, sums.rejected, "what was refused stays");
    let left: BTreeSet<_> = mailbox.mails().into_iter().map(|mail| mail.bytes).collect();
    let refused: Vec<_> =
        mails.iter().filter(|real| left.contains(&real.bytes)).map(|real| &real.name).collect();
    println!("refused: {refused:?}");
    assert!(sums.accepted as usize <= different(&mails) && sums.accepted as usize + 40 >= different(&mails));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_its_server_never_gives_holds_up_no_other_for_ever() {
    let (clock, secrets, mailbox) = (start(), Secrets::new(), FakeMailbox::start("password").await);
    mailbox.put(mail("a", "before"));
    let stuck = mailbox.put(mail("b", "never"));
    let troubles = [Breaks::No, Breaks::Nonsense, Breaks::Nothing, Breaks::NoSize];
    mailbox.breaks(stuck, &troubles.repeat(50));
    mailbox.put(mail("c", "after"));
    let world = World::start_at(Arc::new(clock.clone())).await;
    give_accounts(&world, &[&account("care", &mailbox, &secrets, "")]).await;
    meanwhile(&clock, events(&world, 2)).await;
    assert_eq!(texts(&world).await, ["after", "before"]);
    let fetched = mailbox
        .said()
        .iter()
        .filter(|said| said.starts_with(&format!("UID FETCH {stuck} (UID BODY")))
        .count();
    assert_eq!(fetched, 8, "it was given its ten rounds, in two of which nobody said how large it is");
    let sums = ledger(&world).await["care"];
    assert_eq!((sums.accepted, sums.duplicate, sums.rejected), (2, 0, 1));
    world.end().await;
}
