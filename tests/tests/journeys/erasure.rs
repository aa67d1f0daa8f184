//! What is left of a customer whose keys are destroyed: that there were cases, and nothing that was said.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::sync::Arc;

use domain::{
    actor::Actor,
    customer,
    decider::Command,
    ids::{ActorId, AuthMethod},
};
use proto::cases::v1 as pb;
use service::{
    envelope::Envelope,
    transact::{Meta, Transactor},
};
use tests::{
    desk::message,
    world::{World, command_id},
};

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct No(#[from] customer::Error);

/// Destroys the keys of a customer, and says so in the log. Answers the position.
pub async fn erase(world: &World, identity: &str) -> String {
    let shell = &world.platform.shell;
    let entries = world.log_entries(&["customer"]).await;
    let of = |entry: &&eventlog::Entry| String::from_utf8_lossy(&entry.body).contains(identity);
    let stream = entries.iter().find(of).expect("the customer is known").stream.clone();
    shell.vault.destroy(&[identity.to_owned()]).await.expect("the keys are destroyed");
    let customers = Transactor::<customer::State>::new(
        shell.site.as_str(),
        Arc::clone(&shell.log),
        Arc::clone(&shell.vault),
        Arc::clone(&shell.clock),
    );
    let internal = AuthMethod::new("internal").unwrap();
    let actor = Actor::new(domain::actor::Kind::Service, ActorId::new("erasure").unwrap(), internal);
    let meta = Meta::new(uuid::Uuid::new_v4(), "", actor.clone());
    let make = |_: &_, at| Ok(vec![Command::new(at, actor.clone(), customer::Action::Erase)]);
    let outcome = customers.execute::<No>(&stream, &meta, make).await.expect("the erasure is in the log");
    shell.token(outcome.position)
}

tests::on_both_stores! { an_erased_customer_reads_erased_at_every_time }

async fn an_erased_customer_reads_erased_at_every_time(world: World) {
    crate::rules::apply(&world).await;
    let mut root = world.administrator();
    let case = world.receive_one("forum", message("m-1", "ada", "My wombat is on fire")).await;
    let other = world.receive_one("forum", message("m-2", "ben", "My wombat is fine")).await;
    let id = case.case_id.clone();
    let note = pb::AddNoteRequest {
        command_id: command_id(),
        case_id: id.clone(),
        text: "The wombat again".into(),
        ..Default::default()
    };
    root.cases.add_note(note).await.unwrap();
    let fields = pb::SetFieldsRequest {
        command_id: command_id(),
        case_id: id.clone(),
        fields: [(
            "address".to_owned(),
            pb::FieldValue { kind: Some(pb::field_value::Kind::Text("Wombat Street 1".into())) },
        )]
        .into(),
        ..Default::default()
    };
    root.cases.set_fields(fields).await.unwrap();
    let reply = pb::ReplyRequest {
        command_id: command_id(),
        case_id: id.clone(),
        text: "Pour water on the wombat".into(),
        ..Default::default()
    };
    let replied = root.cases.reply(reply).await.unwrap().into_inner().position;
    let wombat = || pb::Filter { text: "wombat".into(), ..Default::default() };
    let mut both = vec![id.clone(), other.case_id.clone()];
    both.sort_unstable();
    assert_eq!(root.ids(wombat(), &replied).await, both);
    let moments: Vec<String> = root.history(&id).await.into_iter().map(|entry| entry.position).collect();

    let erased = erase(&world, &case.customer).await;
    assert_eq!(
        root.ids(wombat(), &erased).await,
        std::slice::from_ref(&other.case_id),
        "it is found by nothing"
    );
    for as_of in moments.iter().map(String::as_str).chain([""]) {
        let shown = root.case_as_of(&id, as_of).await.unwrap();
        let text = format!("{shown:?}").to_lowercase();
        assert!(
            !text.contains("wombat") && !text.contains("name of ada") && !text.contains("@ada"),
            "{text}"
        );
        assert_eq!(shown.title, "[erased]");
        assert!(shown.timeline.iter().all(|item| item.text == "[erased]"), "{:?}", shown.timeline);
    }
    let history = format!("{:?}", root.history(&id).await).to_lowercase();
    assert!(!history.contains("wombat"), "{history}");
    let listed = root.list(pb::ListCasesRequest::default()).await;
    let listed = listed.iter().find(|listed| listed.case_id == id).unwrap();
    assert!(
        !format!("{listed:?}").to_lowercase().contains("wombat") && listed.customer_name != "Name of ada"
    );
    assert_eq!(listed.title, "[erased]");
    let untouched = root.case(&other.case_id).await;
    assert_eq!((untouched.title, untouched.timeline), (other.title, other.timeline));
    let (before, after) = root.rebuild().await;
    assert_eq!(before, after, "the read model is what a rebuild makes of the log");
    assert_eq!(root.ids(wombat(), &erased).await, [other.case_id]);

    // In the log itself nothing can be read that was sealed.
    for entry in world.log_entries(&["case", "message", "customer"]).await {
        let Ok(envelope) = Envelope::<serde_json::Value>::of(&entry) else { continue };
        let text = serde_json::to_string(&envelope.events).unwrap().to_lowercase();
        assert!(!text.contains("wombat"), "{text}");
    }
    world.end().await;
}
