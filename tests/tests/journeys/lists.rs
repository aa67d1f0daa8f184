//! Lists: pages without gap or double, filters, and full text.

use std::collections::BTreeSet;

use proto::cases::v1::{self as pb, bulk_request::Change, list_cases_request::Order};
use tests::{
    desk::{SENT_AT_S, message, seconds, wrong_field},
    world::{Caller, World, command_id},
};

const CASES: usize = 300;

async fn bulk(caller: &mut Caller, ids: &[String], change: Change) -> String {
    let request = pb::BulkRequest { command_id: command_id(), case_ids: ids.to_vec(), change: Some(change) };
    let answer = caller.cases.bulk(request).await.expect("a bulk command").into_inner();
    assert!(answer.results.iter().all(|result| result.changed), "{:?}", answer.results);
    answer.position
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_have_no_gap_and_no_double() {
    let world = World::start().await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_find_what_they_say() {
    let world = World::start().await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_was_said_is_found_by_its_words() {
    let world = World::start().await;
    let mut ana = world.caller("ana", &[]);
    let said = [
        ("m-1", "The kettle does not boil water"),
        ("m-2", "Der Föhn wird heiß, die Tür klemmt"),
        ("m-3", "Чайник не кипятит воду"),
        ("m-4", "الغلاية لا تعمل"),
        ("m-5", "ポット が 壊れた"),
        ("m-6", "Water: does the fan boil it? O'Brien says \"no\""),
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
