//! Requests that can be read, and are wrong in one field: which one, and what it should be.

use proto::{
    cases::v1::{self as pb, field_value::Kind},
    ingestion::v1::{Author, GetLedgerRequest, Message, SubmitRequest, submit_response::Outcome},
    operations::v1 as ops,
};
use tests::{
    desk::{message, refused, seconds, wrong_field},
    world::{World, command_id},
};
use tonic::Code;

fn note(case: &str, text: &str) -> pb::AddNoteRequest {
    pb::AddNoteRequest {
        command_id: command_id(),
        case_id: case.into(),
        text: text.into(),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_field_that_is_wrong_is_named() {
    let world = World::start().await;
    let case = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let id = case.case_id.as_str();
    let mut ana = world.caller("ana", &[]);
    let mark = world.mark().await;

    for command in ["", "7", "00000000-0000-0000-0000-00000000000g", "not-a-uuid-at-all"] {
        let request = pb::AddNoteRequest { command_id: command.into(), ..note(id, "x") };
        wrong_field(ana.cases.add_note(request).await, "command_id");
    }
    for name in [
        "",
        "PAR-1",
        "LOC-",
        "LOC-x",
        "LOC--1",
        "LOC-99999999999999999999999",
        "a\0b",
        "'; drop table case_row",
    ] {
        wrong_field(ana.cases.add_note(note(name, "x")).await, "case_id");
        wrong_field(ana.case_as_of(name, "").await, "case_id");
    }
    for number in ["LOC-18446744073709551615", "LOC-9223372036854775808", "LOC-0"] {
        refused(ana.case_as_of(number, "").await, Code::NotFound, "NOT_FOUND");
    }
    for position in ["7", "local.1", "local.1.x", "local.2.1", "other.1.1", "local.1.-1", "a.b.c.d", "\0"] {
        let request = pb::AddNoteRequest { expected_position: position.into(), ..note(id, "x") };
        wrong_field(ana.cases.add_note(request).await, "expected_position");
        let list = pb::ListCasesRequest { at_least: position.into(), ..Default::default() };
        wrong_field(ana.cases.list_cases(list).await, "at_least");
        let watch = pb::WatchRequest { after: position.into(), ..Default::default() };
        wrong_field(ana.cases.watch(watch).await.map(drop), "after");
        let history =
            pb::GetHistoryRequest { case_id: id.into(), page_token: position.into(), ..Default::default() };
        wrong_field(ana.cases.get_history(history).await, "page_token");
        wrong_field(ana.case_as_of(id, position).await, "as_of");
    }
    for text in ["", "   \n", "a\0b"] {
        wrong_field(ana.cases.add_note(note(id, text)).await, "text");
        let title = pb::SetTitleRequest {
            command_id: command_id(),
            case_id: id.into(),
            title: text.into(),
            ..Default::default()
        };
        wrong_field(ana.cases.set_title(title).await, "title");
    }
    wrong_field(ana.cases.add_note(note(id, &"x".repeat(32 * 1024 + 1))).await, "text");
    let reply = pb::ReplyRequest {
        command_id: command_id(),
        case_id: id.into(),
        text: "é".repeat(32 * 1024 + 1),
        ..Default::default()
    };
    wrong_field(ana.cases.reply(reply.clone()).await, "text");
    let reply = pb::ReplyRequest { text: "x".into(), conversation_id: command_id(), ..reply };
    wrong_field(ana.cases.reply(reply.clone()).await, "conversation_id");
    let reply = pb::ReplyRequest { conversation_id: String::new(), seen_message_id: "x".into(), ..reply };
    wrong_field(ana.cases.reply(reply).await, "seen_message_id");
    let mention = |people: Vec<String>| pb::AddNoteRequest { mentions: people, ..note(id, "x") };
    wrong_field(ana.cases.add_note(mention(vec!["nils".into(), "No One".into()])).await, "mentions[1]");
    wrong_field(ana.cases.add_note(mention(vec!["nobody".into()])).await, "mentions[0]");
    wrong_field(ana.cases.add_note(mention(vec!["nils".into(); 51])).await, "mentions");
    let tags = |add: Vec<String>| pb::ChangeTagsRequest {
        command_id: command_id(),
        case_id: id.into(),
        add,
        ..Default::default()
    };
    for (list, field) in [
        (vec![], "add"),
        (vec!["x".repeat(65)], "add[0]"),
        (vec!["fine".into(), "two words".into()], "add[1]"),
        (vec!["UPPER".into()], "add[0]"),
        ((0..101).map(|i| format!("t{i}")).collect(), "add"),
    ] {
        wrong_field(ana.cases.change_tags(tags(list)).await, field);
    }
    for number in [0, 5, -1, i32::MAX] {
        let priority = pb::SetPriorityRequest {
            command_id: command_id(),
            case_id: id.into(),
            priority: number,
            ..Default::default()
        };
        wrong_field(ana.cases.set_priority(priority).await, "priority");
    }
    for (at, nanos) in [(i64::MAX, 0), (i64::MIN, 0), (0, -1), (0, 1_000_000_000), (1 << 50, 0)] {
        let snooze = pb::SnoozeRequest {
            command_id: command_id(),
            case_id: id.into(),
            until: Some(prost_types::Timestamp { seconds: at, nanos }),
            ..Default::default()
        };
        wrong_field(ana.cases.snooze(snooze).await, "until");
    }
    for language in ["", "x", "français", "en_US", "e\0n"] {
        let request = pb::SetLanguageRequest {
            command_id: command_id(),
            case_id: id.into(),
            language: language.into(),
            ..Default::default()
        };
        wrong_field(ana.cases.set_language(request).await, "language");
    }
    for (assignee, team, field) in [
        ("", "", "assignee"),
        ("Ana Banana", "", "assignee"),
        ("nobody", "", "assignee"),
        ("nils", "nowhere", "team"),
        ("nils", "south-care", "team"),
    ] {
        let request = pb::AssignRequest {
            command_id: command_id(),
            case_id: id.into(),
            assignee: assignee.into(),
            team: team.into(),
            ..Default::default()
        };
        wrong_field(ana.cases.assign(request).await, field);
    }
    let bulk = |ids: Vec<String>, change| pb::BulkRequest {
        command_id: command_id(),
        case_ids: ids,
        change,
        ..Default::default()
    };
    let spam = || Some(pb::bulk_request::Change::Spam(Default::default()));
    wrong_field(ana.cases.bulk(bulk(vec![], spam())).await, "case_ids");
    wrong_field(ana.cases.bulk(bulk(vec![id.into(); 501], spam())).await, "case_ids");
    wrong_field(ana.cases.bulk(bulk(vec![id.into()], None)).await, "change");
    world.nothing_since(mark).await;
    assert_eq!(ana.case(id).await, case);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn custom_fields_hold_what_the_policy_says() {
    let world = World::start().await;
    let rules = "[[case]]\nlevel = \"region/north\"\n\n[case.fields]\norder = { name = \"Order\", type = \"text\" }\namount = { name = \"Amount\", type = \"number\" }\nbought = { name = \"Bought\", type = \"date\" }\nproduct = { name = \"Product\", type = \"choice\", choices = [\"kettle\"] }\n";
    let file = |name: &str, text: &str| proto::policy::v1::apply_request::File {
        name: name.into(),
        text: text.into(),
    };
    let files = vec![file("policy.toml", tests::world::POLICY), file("rules.toml", rules)];
    dossier::sample::apply(&world.platform, files).await.unwrap();
    let case = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let mut ana = world.caller("ana", &[]);
    let mark = world.mark().await;
    for (name, value, field) in [
        ("unknown", Kind::Text("x".into()), "fields.unknown"),
        ("Not A Name", Kind::Text("x".into()), "fields"),
        (&*"x".repeat(100_000), Kind::Text("x".into()), "fields"),
        ("order", Kind::Number(1.0), "fields.order"),
        ("order", Kind::Text("a\0b".into()), "fields.order"),
        ("amount", Kind::Text("1".into()), "fields.amount"),
        ("amount", Kind::Number(f64::NAN), "fields.amount"),
        ("amount", Kind::Number(f64::INFINITY), "fields.amount"),
        ("bought", Kind::Date("2026-02-30".into()), "fields.bought"),
        ("bought", Kind::Date("yesterday".into()), "fields.bought"),
        ("product", Kind::Choice("toaster".into()), "fields.product"),
        ("product", Kind::Flag(true), "fields.product"),
    ] {
        let request = pb::SetFieldsRequest {
            command_id: command_id(),
            case_id: case.case_id.clone(),
            fields: [(name.to_owned(), pb::FieldValue { kind: Some(value) })].into(),
            ..Default::default()
        };
        wrong_field(ana.cases.set_fields(request).await, field);
    }
    let request = pb::SetFieldsRequest {
        command_id: command_id(),
        case_id: case.case_id.clone(),
        fields: [("order".to_owned(), pb::FieldValue { kind: Some(Kind::Text("x".repeat(2_001))) })].into(),
        ..Default::default()
    };
    refused(ana.cases.set_fields(request).await, Code::FailedPrecondition, "LIMIT_EXCEEDED");
    world.nothing_since(mark).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_have_bounds() {
    let world = World::start().await;
    let case = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let mut root = world.administrator();
    let list = |filter| pb::ListCasesRequest { filter: Some(filter), ..Default::default() };
    let filter = pb::Filter::default;
    for (filter, field) in [
        (pb::Filter { status: vec![1, 99], ..filter() }, "filter.status[1]"),
        (pb::Filter { status: vec![0], ..filter() }, "filter.status[0]"),
        (pb::Filter { priority: vec![99], ..filter() }, "filter.priority[0]"),
        (pb::Filter { team: vec!["x".into(); 201], ..filter() }, "filter"),
        (pb::Filter { team: vec!["a\0b".into()], ..filter() }, "filter"),
        (pb::Filter { text: "x".repeat(1_001), ..filter() }, "filter.text"),
        (pb::Filter { opened_from: Some(seconds(i64::MAX)), ..filter() }, "filter.opened_from"),
    ] {
        wrong_field(root.cases.list_cases(list(filter)).await, field);
    }
    for size in [201, u32::MAX] {
        let request = pb::ListCasesRequest { page_size: size, ..Default::default() };
        wrong_field(root.cases.list_cases(request).await, "page_size");
    }
    let nil = "00000000-0000-0000-0000-000000000000";
    let of_another_order = format!("opened~1~{nil}");
    let none = format!("updated~x~{nil}");
    for token in ["x", "1", "1~2~3", "updated~1~", "~", &none, "updated~1~' or 1=1", &of_another_order] {
        let request = pb::ListCasesRequest { page_token: token.into(), ..Default::default() };
        wrong_field(root.cases.list_cases(request).await, "page_token");
    }
    let request = pb::ListCasesRequest { order: 99, ..Default::default() };
    wrong_field(root.cases.list_cases(request).await, "order");
    let history =
        pb::GetHistoryRequest { case_id: case.case_id.clone(), page_size: u32::MAX, ..Default::default() };
    wrong_field(root.cases.get_history(history).await, "page_size");
    // A filter is a value, whatever stands in it.
    for word in ["' or 1=1 --", "\") or (\"", "$1", "%", "_", "{}"] {
        let filter = pb::Filter { team: vec![word.into()], ..filter() };
        assert!(root.ids(filter, "").await.is_empty(), "{word}");
    }
    wrong_field(
        root.operations.rebuild(ops::RebuildRequest { name: "nothing".into() }).await.map(drop),
        "name",
    );
    let stream = ops::GetStreamRequest { stream: "no stream".into(), ..Default::default() };
    wrong_field(root.operations.get_stream(stream).await, "stream");
    let stream = ops::GetStreamRequest { stream: "case-nowhere".into(), ..Default::default() };
    refused(root.operations.get_stream(stream).await, Code::NotFound, "NOT_FOUND");
    let tail = ops::TailEventsRequest { categories: vec!["NO SUCH".into()], ..Default::default() };
    wrong_field(root.operations.tail_events(tail).await.map(drop), "categories[0]");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_message_is_rejected_and_the_others_are_taken() {
    let world = World::start().await;
    let mut root = world.administrator();
    let good = || message("m-1", "ada", "It leaks");
    let author = |external_id: &str, name: &str| {
        Some(Author { external_id: external_id.into(), name: name.into(), handle: String::new() })
    };
    let wrong: Vec<(Message, &str)> = vec![
        (Message { external_id: String::new(), ..good() }, "external_id"),
        (Message { external_id: "x".repeat(1_025), ..good() }, "external_id"),
        (Message { external_id: "a\u{7}b".into(), ..good() }, "external_id"),
        (Message { author: None, ..good() }, "author.external_id"),
        (Message { author: author("ada", &"x".repeat(1_025)), ..good() }, "author.name"),
        (Message { direction: 0, ..good() }, "direction"),
        (Message { direction: 7, ..good() }, "direction"),
        (Message { text: " \n".into(), ..good() }, "text"),
        (Message { text: "x".repeat(64 * 1024 + 1), ..good() }, "text"),
        (Message { sent_at: None, ..good() }, "sent_at"),
        (Message { sent_at: Some(seconds(i64::MAX)), ..good() }, "sent_at"),
        (Message { sent_at: Some(seconds(-1)), ..good() }, "sent_at"),
        (Message { sent_at: Some(seconds(40_000_000_000)), ..good() }, "sent_at"),
        (Message { edited_at: Some(seconds(i64::MAX)), ..good() }, "edited_at"),
        (Message { edited_at: Some(seconds(1)), ..good() }, "edited_at"),
        (Message { edited_at: Some(seconds(40_000_000_000)), ..good() }, "edited_at"),
        (Message { language: "klingon!".into(), ..good() }, "language"),
        (Message { fields: [("Not A Name".to_owned(), "x".to_owned())].into(), ..good() }, "fields"),
    ];
    let mut messages: Vec<_> = wrong.iter().map(|(message, _)| message.clone()).collect();
    messages.push(message("m-2", "ben", "It boils"));
    let request = SubmitRequest { account: "forum".into(), messages, ..Default::default() };
    let mark = world.mark().await;
    let answer = root.ingestion.submit(request).await.unwrap().into_inner();
    let (last, rejected) = answer.results.split_last().unwrap();
    assert_eq!(last.outcome(), Outcome::Accepted);
    for ((i, (_, field)), result) in wrong.iter().enumerate().zip(rejected) {
        assert_eq!(result.outcome(), Outcome::Rejected, "{field}");
        assert_eq!(result.field, format!("messages[{i}].{field}"));
        assert!(!result.reason.is_empty());
    }
    world.settled(&answer.position).await;
    assert_eq!(root.ids(pb::Filter::default(), "").await.len(), 1, "only the good one became a case");
    let ledger = root.ingestion.get_ledger(GetLedgerRequest::default()).await.unwrap().into_inner().rows;
    let sum =
        |of: fn(&proto::ingestion::v1::get_ledger_response::Row) -> u64| ledger.iter().map(of).sum::<u64>();
    assert_eq!(sum(|row| row.received), 19);
    assert_eq!((sum(|row| row.accepted), sum(|row| row.duplicate), sum(|row| row.rejected)), (1, 0, 18));
    assert!(world.mark().await > mark);

    let mark = world.mark().await;
    let request = SubmitRequest { account: "nowhere".into(), messages: vec![good()], ..Default::default() };
    wrong_field(root.ingestion.submit(request).await, "account");
    let request =
        SubmitRequest { account: "forum".into(), messages: vec![good(); 501], ..Default::default() };
    wrong_field(root.ingestion.submit(request).await, "messages");
    let request = SubmitRequest { account: "forum".into(), origin: 9, ..Default::default() };
    wrong_field(root.ingestion.submit(request).await, "origin");
    world.nothing_since(mark).await;
    world.end().await;
}
