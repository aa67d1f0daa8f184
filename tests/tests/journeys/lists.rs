//! Lists: pages without gap or double, filters, and full text.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::collections::BTreeSet;

use proto::cases::v1::{self as pb, bulk_request::Change, list_cases_request::Order};
use tests::{
    desk::{SENT_AT_S, message, seconds, wrong_field},
    world::{Caller, World, command_id},
};

const CASES: usize = 300;

tests::on_both_stores! {
    pages_have_no_gap_and_no_double,
    filters_find_what_they_say,
    everything_that_was_said_is_found_by_its_words,
    words_are_looked_for_in_the_whole_case,
    rows_are_what_a_rebuild_makes_of_the_log,
}

async fn bulk(caller: &mut Caller, ids: &[String], change: Change) -> String {
    let request = pb::BulkRequest {
        command_id: command_id(),
        case_ids: ids.to_vec(),
        change: Some(change),
        ..Default::default()
    };
    let answer = caller.cases.bulk(request).await.expect("a bulk command").into_inner();
    assert!(answer.results.iter().all(|result| result.changed), "{:?}", answer.results);
    answer.position
}

async fn pages_have_no_gap_and_no_double(world: World) {
    let mut ana = world.caller("ana", &[]);
    let messages = (0..CASES).map(|i| {
        let mut said = message(&format!("m-{i}"), &format!("u-{}", i % 7), "Hello");
        // Many at the same time: then the id decides.
        said.sent_at = Some(seconds(SENT_AT_S + i64::try_from(i).unwrap() / 10));
        said
    });
    world.receive("forum", messages.collect()).await;
    let all = ana.ids(pb::Filter::default(), "").await;
    assert_eq!(all.len(), CASES);
    for (part, priority) in
        all.chunks(CASES / 3).zip([pb::Priority::Low, pb::Priority::High, pb::Priority::Urgent])
    {
        let change = Change::Priority(pb::bulk_request::SetPriority { priority: priority.into() });
        bulk(&mut ana, part, change).await;
    }
    let change = Change::Resolve(pb::bulk_request::Resolve::default());
    let position = bulk(&mut ana, &all[..50], change).await;

    for order in [
        Order::Unspecified,
        Order::UpdatedDesc,
        Order::OpenedDesc,
        Order::OpenedAsc,
        Order::Waiting,
        Order::Priority,
    ] {
        let request = |page_size| pb::ListCasesRequest {
            order: order.into(),
            page_size,
            at_least: position.clone(),
            ..Default::default()
        };
        let whole = ana.list(request(200)).await;
        let unique: BTreeSet<_> = whole.iter().map(|case| case.case_id.clone()).collect();
        assert_eq!((whole.len(), unique.len()), (CASES, CASES), "{order:?}");
        for page_size in [7, 50] {
            assert_eq!(ana.list(request(page_size)).await, whole, "{order:?} by {page_size}");
        }
        let at = |at: Option<prost_types::Timestamp>| at.map_or((i64::MAX, 0), |at| (at.seconds, at.nanos));
        let ordered = whole.windows(2).all(|pair| {
            let (a, b) = (&pair[0], &pair[1]);
            match order {
                Order::Unspecified | Order::UpdatedDesc => at(a.updated_at) >= at(b.updated_at),
                Order::OpenedDesc => at(a.opened_at) >= at(b.opened_at),
                Order::OpenedAsc => at(a.opened_at) <= at(b.opened_at),
                Order::Waiting => at(a.waiting_since) <= at(b.waiting_since),
                Order::Priority => (-a.priority, at(a.waiting_since)) <= (-b.priority, at(b.waiting_since)),
            }
        });
        assert!(ordered, "{order:?}");
    }
    world.end().await;
}

async fn filters_find_what_they_say(world: World) {
    crate::rules::apply(&world).await;
    let mut root = world.administrator();
    let a = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let b = world.receive_one("chat", message("m-2", "ben", "It boils")).await;
    let (a, b, customer) = (a.case_id, b.case_id, a.customer);
    let tags = Change::Tags(pb::bulk_request::ChangeTags { add: vec!["été".into()], remove: vec![] });
    bulk(&mut root, std::slice::from_ref(&a), tags).await;
    let assign = pb::bulk_request::Assign { assignee: "root".into(), team: String::new() };
    bulk(&mut root, std::slice::from_ref(&a), Change::Assign(assign)).await;
    let urgent = pb::bulk_request::SetPriority { priority: pb::Priority::Urgent.into() };
    bulk(&mut root, std::slice::from_ref(&a), Change::Priority(urgent)).await;
    let category = pb::SetCategoryRequest {
        command_id: command_id(),
        case_id: a.clone(),
        category: "defect".into(),
        ..Default::default()
    };
    root.cases.set_category(category).await.unwrap();
    let language = pb::SetLanguageRequest {
        command_id: command_id(),
        case_id: a.clone(),
        language: "de".into(),
        ..Default::default()
    };
    root.cases.set_language(language).await.unwrap();
    let snooze = pb::bulk_request::Snooze { until: Some(seconds(4_000_000_000)) };
    let position = bulk(&mut root, std::slice::from_ref(&a), Change::Snooze(snooze)).await;
    let opened = root.case(&a).await.opened_at.unwrap();

    let filter = pb::Filter::default;
    let (only_a, only_b) = (vec![a.clone()], vec![b.clone()]);
    let mut both = vec![a, b];
    both.sort_unstable();
    let words = |word: &str| vec![word.to_owned()];
    for (filter, expected) in [
        (filter(), &both),
        (pb::Filter { status: vec![pb::Status::Open.into()], ..filter() }, &only_a),
        (pb::Filter { status: vec![pb::Status::New.into(), pb::Status::Open.into()], ..filter() }, &both),
        (pb::Filter { team: words("south-care"), ..filter() }, &only_b),
        (pb::Filter { region: words("north"), ..filter() }, &only_a),
        (pb::Filter { assignee: words("me"), ..filter() }, &only_a),
        (pb::Filter { unassigned: true, ..filter() }, &only_b),
        (pb::Filter { tag: words("été"), ..filter() }, &only_a),
        (pb::Filter { tag: vec!["nobody's".into(), "été".into()], ..filter() }, &only_a),
        (pb::Filter { tag: words("nobody's"), ..filter() }, &vec![]),
        (pb::Filter { category: words("defect"), ..filter() }, &only_a),
        (pb::Filter { priority: vec![pb::Priority::Normal.into()], ..filter() }, &only_b),
        (pb::Filter { account: words("chat"), ..filter() }, &only_b),
        (pb::Filter { channel: words("forum"), ..filter() }, &only_a),
        (pb::Filter { customer, ..filter() }, &only_a),
        (pb::Filter { text: "leaks".into(), ..filter() }, &only_a),
        (pb::Filter { opened_from: Some(opened), ..filter() }, &both),
        (pb::Filter { opened_to: Some(opened), ..filter() }, &vec![]),
        (pb::Filter { updated_from: Some(seconds(4_000_000_000)), ..filter() }, &vec![]),
        (pb::Filter { updated_to: Some(seconds(4_000_000_000)), ..filter() }, &both),
        (pb::Filter { snoozed: Some(true), ..filter() }, &only_a),
        (pb::Filter { snoozed: Some(false), ..filter() }, &only_b),
        (pb::Filter { origin: "live".into(), ..filter() }, &both),
        (pb::Filter { origin: "import".into(), ..filter() }, &vec![]),
        (pb::Filter { language: "de".into(), ..filter() }, &only_a),
        (pb::Filter { region: words("north"), team: words("south-care"), ..filter() }, &vec![]),
    ] {
        assert_eq!(root.ids(filter.clone(), &position).await, *expected, "{filter:?}");
    }
    world.end().await;
}

async fn everything_that_was_said_is_found_by_its_words(world: World) {
    let mut ana = world.caller("ana", &[]);
    let said = [
        ("m-1", "The kettle does not boil water"),
        ("m-2", "Der Föhn wird heiß, die Tür klemmt"),
        ("m-3", "Чайник не кипятит воду"),
        ("m-4", "الغلاية لا تعمل"),
        ("m-5", "ポットが壊れた"),
        ("m-6", "Water: does the fan boil it? O'Brien says \"no\""),
        ("m-7", "水壶坏了，请退款"),
        ("m-8", "주전자가 고장났어요"),
        ("m-9", "กาต้มน้ำพังแล้ว"),
        ("m-10", "HB-203311 of ann.smith@example.com, #BrokenFan, call +44 7700 900150"),
    ];
    let mut ids = Vec::new();
    for (id, text) in said {
        ids.push(world.receive_one("forum", message(id, "ada", text)).await.case_id);
    }
    let note = pb::AddNoteRequest {
        command_id: command_id(),
        case_id: ids[0].clone(),
        text: "Checked the thermostat".into(),
        ..Default::default()
    };
    ana.cases.add_note(note).await.unwrap();
    let reply = pb::ReplyRequest {
        command_id: command_id(),
        case_id: ids[1].clone(),
        text: "Bitte schicken Sie ihn ein".into(),
        ..Default::default()
    };
    let position = ana.cases.reply(reply).await.unwrap().into_inner().position;
    for (text, expected) in [
        ("kettle", vec![0]),
        ("KETTLE Boil", vec![0]),
        ("water boil", vec![0, 5]),
        ("\"boil water\"", vec![0]),
        ("\"water boil\"", vec![]),
        ("heiß", vec![1]),
        ("föhn", vec![1]),
        ("чайник", vec![2]),
        ("الغلاية", vec![3]),
        ("壊れた", vec![4]),
        ("ﾎﾟｯﾄ", vec![4]),
        ("が", vec![4]),
        ("た", vec![4]),
        ("壊た", vec![]),
        ("退款", vec![6]),
        ("\"坏了，请\"", vec![6]),
        ("坏请", vec![]),
        ("주전자", vec![7]),
        ("พัง", vec![8]),
        ("HB-203311", vec![9]),
        ("hb203311", vec![9]),
        ("203311", vec![9]),
        ("smith@example", vec![9]),
        ("\"com example\"", vec![]),
        ("#brokenfan", vec![9]),
        ("+447700900150", vec![9]),
        ("7700-900150", vec![9]),
        ("900150", vec![9]),
        ("fohn HEISS", vec![1]),
        ("'; drop -- \\ : & | ! <-> $1 boil", vec![]),
        ("fan NEAR boil", vec![]),
        ("thermostat", vec![0]),
        ("schicken", vec![1]),
        ("o'brien", vec![5]),
        ("nothing like it", vec![]),
        ("boil AND OR NOT", vec![]),
        ("boil*", vec![0, 5]),
        ("text:boil", vec![]),
    ] {
        let mut expected: Vec<_> = expected.into_iter().map(|i: usize| ids[i].clone()).collect();
        expected.sort_unstable();
        let filter = pb::Filter { text: text.into(), ..Default::default() };
        assert_eq!(ana.ids(filter, &position).await, expected, "{text}");
    }
    let filter = Some(pb::Filter { text: "?!".into(), ..Default::default() });
    wrong_field(
        ana.cases.list_cases(pb::ListCasesRequest { filter, ..Default::default() }).await,
        "filter.text",
    );

    let many = |words: usize| pb::ListCasesRequest {
        filter: Some(pb::Filter { text: "boil ".repeat(words), ..Default::default() }),
        ..Default::default()
    };
    wrong_field(ana.cases.list_cases(many(33)).await, "filter.text");
    assert_eq!(ana.list(many(32)).await.len(), 2);

    // After an edit the new words are found and the old ones are not, except where they were said otherwise.
    let mut edited = message("m-1", "ada", "The toaster does not toast bread");
    edited.sent_at = Some(seconds(SENT_AT_S));
    world.receive("forum", vec![edited]).await;
    let case = ana.case(&ids[0]).await;
    assert_eq!(
        (case.timeline[0].text.as_str(), case.timeline[0].edited),
        ("The toaster does not toast bread", true)
    );
    let find = async |ana: &mut Caller, text: &str| {
        ana.ids(pb::Filter { text: text.into(), ..Default::default() }, "").await
    };
    let last = world.platform.shell.token(world.log_entries(&["message"]).await.last().unwrap().position);
    ana.ids(pb::Filter::default(), &last).await;
    assert_eq!(find(&mut ana, "toaster").await, [ids[0].clone()]);
    assert_eq!(find(&mut ana, "\"not boil water\"").await, [ids[0].clone()], "the title is what it was");
    let retitle = pb::SetTitleRequest {
        command_id: command_id(),
        case_id: ids[0].clone(),
        title: "Toaster".into(),
        ..Default::default()
    };
    let retitled = ana.cases.set_title(retitle).await.unwrap().into_inner().position;
    ana.ids(pb::Filter::default(), &retitled).await;
    assert!(find(&mut ana, "\"not boil water\"").await.is_empty());
    world.end().await;
}

async fn words_are_looked_for_in_the_whole_case(world: World) {
    let mut ana = world.caller("ana", &[]);
    let case = world.receive_one("forum", message("m-1", "ada", "My Lissa 8 arrived")).await;
    let other = world.receive_one("forum", message("m-2", "ben", "The Lissa 9 rattles")).await;
    let mut answer = message("m-3", "ada", "Its grill, uc 20, rattles");
    answer.reply_to = "m-1".into();
    world.receive("forum", vec![answer]).await;
    let (id, other) = (case.case_id, other.case_id);
    let note = pb::AddNoteRequest {
        command_id: command_id(),
        case_id: id.clone(),
        text: "The warehouse knows of it".into(),
        ..Default::default()
    };
    let position = ana.cases.add_note(note).await.unwrap().into_inner().position;
    let mut both = vec![id.clone(), other];
    both.sort_unstable();
    for (text, expected) in [
        ("lissa rattles", both.clone()),
        ("arrived rattles", vec![id.clone()]),
        ("grill lissa warehouse", vec![id.clone()]),
        ("\"lissa 8\" \"uc 20\"", vec![id.clone()]),
        // A phrase stands at one place.
        ("\"arrived its\"", vec![]),
        ("lissa warehouse nowhere", vec![]),
    ] {
        let filter = pb::Filter { text: text.into(), ..Default::default() };
        assert_eq!(ana.ids(filter, &position).await, expected, "{text}");
    }
    world.end().await;
}

async fn rows_are_what_a_rebuild_makes_of_the_log(world: World) {
    crate::rules::apply(&world).await;
    let mut root = world.administrator();
    let mut ids = Vec::new();
    for (i, text) in ["The kettle leaks", "ポットが壊れた", "It leaks\0 too", "Spam"].into_iter().enumerate()
    {
        ids.push(
            world.receive_one("forum", message(&format!("m-{i}"), &format!("u-{i}"), text)).await.case_id,
        );
    }
    let edited = message("m-0", "u-0", "The kettle does not leak");
    world.receive("forum", vec![edited]).await;
    let tags = Change::Tags(pb::bulk_request::ChangeTags {
        add: vec!["été".into(), "vip".into()],
        remove: vec![],
    });
    bulk(&mut root, &ids, tags).await;
    bulk(&mut root, &ids[3..], Change::Spam(Default::default())).await;
    let link = |to: &str| pb::LinkRequest {
        command_id: command_id(),
        case_id: ids[0].clone(),
        kind: pb::LinkKind::DuplicateOf.into(),
        to_case_id: to.into(),
        ..Default::default()
    };
    root.cases.link(link(&ids[1])).await.unwrap();
    let linked = root.cases.link(link(&ids[2])).await.unwrap().into_inner().position;
    root.ids(pb::Filter::default(), &linked).await;
    let links: BTreeSet<_> =
        root.case(&ids[0]).await.links.into_iter().map(|link| (link.case_id, link.inverse)).collect();
    assert_eq!(links, BTreeSet::from([(ids[1].clone(), false), (ids[2].clone(), false)]));
    assert!(root.case(&ids[1]).await.links[0].inverse);
    let unlink = pb::UnlinkRequest {
        command_id: command_id(),
        case_id: ids[0].clone(),
        kind: pb::LinkKind::DuplicateOf.into(),
        to_case_id: ids[1].clone(),
        ..Default::default()
    };
    root.cases.unlink(unlink).await.unwrap();
    let merge = pb::MergeRequest {
        command_id: command_id(),
        case_id: ids[2].clone(),
        into_case_id: ids[0].clone(),
        confirm_other_customer: true,
        ..Default::default()
    };
    root.cases.merge(merge).await.unwrap();
    // The target takes the source in after the entry that the answer names, and lets go of it likewise.
    let merged = root.case(&ids[0]).await.position;
    let customers = async |root: &mut Caller, at_least: &str| {
        let customer = root.case(&ids[2]).await.customer;
        root.ids(pb::Filter { customer, ..Default::default() }, at_least).await.len()
    };
    assert_eq!(customers(&mut root, &merged).await, 2, "the other case is about its customer too");
    let unmerge =
        pb::UnmergeRequest { command_id: command_id(), case_id: ids[2].clone(), ..Default::default() };
    root.cases.unmerge(unmerge).await.unwrap();
    let unmerged = root.case(&ids[0]).await.position;
    assert_eq!(customers(&mut root, &unmerged).await, 1);
    let (before, after) = root.rebuild().await;
    assert_eq!(before, after);
    let found =
        root.ids(pb::Filter { text: "壊れ".into(), tag: vec!["été".into()], ..Default::default() }, "").await;
    assert_eq!(found, [ids[1].clone()], "what was rebuilt answers");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_finds_what_is_meant_however_it_is_written() {
    let world = World::start().await;
    let mut ana = world.caller("ana", &[]);
    let mut said = message("m-1", "ada", "Não ferve");
    said.language = "pt-BR".into();
    let case = world.receive_one("forum", said).await;
    let tag = pb::ChangeTagsRequest {
        command_id: command_id(),
        case_id: case.case_id.clone(),
        add: vec!["vip".into()],
        ..Default::default()
    };
    let at_least = ana.cases.change_tags(tag).await.unwrap().into_inner().position;
    let list = |word: &str| vec![word.to_owned()];
    for filter in [
        pb::Filter { language: "pt-BR".into(), ..Default::default() },
        pb::Filter { language: "pt-br".into(), ..Default::default() },
        pb::Filter { tag: list("VIP"), ..Default::default() },
        pb::Filter { channel: list("Forum"), account: list("FORUM"), ..Default::default() },
        pb::Filter { region: list("North"), team: list("North-Care"), ..Default::default() },
        pb::Filter { origin: "live".into(), ..Default::default() },
    ] {
        assert_eq!(
            ana.ids(filter.clone(), &at_least).await,
            std::slice::from_ref(&case.case_id),
            "{filter:?}"
        );
    }
    let wrong = |filter: pb::Filter| pb::ListCasesRequest { filter: Some(filter), ..Default::default() };
    let language = pb::Filter { language: "português".into(), ..Default::default() };
    wrong_field(ana.cases.list_cases(wrong(language)).await, "filter.language");
    let origin = pb::Filter { origin: "elsewhere".into(), ..Default::default() };
    wrong_field(ana.cases.list_cases(wrong(origin)).await, "filter.origin");
    world.end().await;
}
