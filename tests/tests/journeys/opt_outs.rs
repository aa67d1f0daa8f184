//! Who wants no more of something is heard: at once, without having written to us, and until he wants it again.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use proto::{
    cases::v1 as pb,
    ingestion::v1::{Author, Direction, Message},
};
use serde_json::json;
use tests::{
    desk::{message, refused},
    http::Json,
    world::{World, command_id},
};
use tonic::Code;

use crate::customers::{opt_out, shown};

/// He wants it again.
pub fn opt_in(customer: &str, purpose: pb::Purpose) -> pb::OptInRequest {
    pb::OptInRequest {
        command_id: command_id(),
        customer: customer.into(),
        purpose: purpose.into(),
        ..Default::default()
    }
}

tests::on_both_stores! {
    who_opted_out_is_left_alone_until_he_wants_it_again,
    who_has_only_been_written_to_can_opt_out,
}

async fn who_opted_out_is_left_alone_until_he_wants_it_again(world: World) {
    let case = world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let ada = case.customer.as_str();
    let mut ana = world.caller("ana", &[]);
    let out = opt_out(ada, pb::Purpose::Survey);
    let first = ana.customers.opt_out(out.clone()).await.unwrap().into_inner();
    assert!(first.changed);
    assert_eq!(ana.customers.opt_out(out).await.unwrap().into_inner(), first);
    assert!(!ana.customers.opt_out(opt_out(ada, pb::Purpose::Survey)).await.unwrap().into_inner().changed);
    let all = ana.customers.opt_out(opt_out(ada, pb::Purpose::Any)).await.unwrap().into_inner();
    let (customer, position) = shown(&mut ana, ada, "").await;
    let refuses = |customer: &pb::Customer| -> Vec<pb::Purpose> {
        assert!(customer.opted_out.iter().all(|one| one.identity == ada && one.since.is_some()));
        customer.opted_out.iter().map(pb::customer::OptedOut::purpose).collect()
    };
    assert_eq!((refuses(&customer), position), (vec![pb::Purpose::Any, pb::Purpose::Survey], all.position));
    let (then, _) = shown(&mut ana, ada, &first.position).await;
    assert_eq!(refuses(&then), [pb::Purpose::Survey]);

    let again = ana.customers.opt_in(opt_in(ada, pb::Purpose::Survey)).await;
    refused(again, Code::FailedPrecondition, "OPTED_OUT_OF_ALL");
    let stale = pb::OptInRequest { expected_position: first.position, ..opt_in(ada, pb::Purpose::Any) };
    refused(ana.customers.opt_in(stale.clone()).await, Code::Aborted, "STALE_POSITION");
    let (_, expected_position) = shown(&mut ana, ada, "").await;
    let fresh = pb::OptInRequest { expected_position, command_id: command_id(), ..stale };
    assert!(ana.customers.opt_in(fresh).await.unwrap().into_inner().changed);
    assert!(shown(&mut ana, ada, "").await.0.opted_out.is_empty());

    // The same over JSON.
    let json = Json::new(world.platform.http, Some(&ana.token));
    let out = json!({ "commandId": command_id(), "customer": ada, "purpose": "PURPOSE_MARKETING" });
    assert_eq!(json.ok("dossier.cases.v1.Customers/OptOut", &out).await["changed"], true);
    let asked = json!({ "customer": ada });
    let customer = &json.ok("dossier.cases.v1.Customers/GetCustomer", &asked).await["customer"];
    assert_eq!(customer["optedOut"][0]["purpose"], "PURPOSE_MARKETING", "{customer}");
    world.end().await;
}

async fn who_has_only_been_written_to_can_opt_out(world: World) {
    let ours = Message {
        direction: Direction::Outbound.into(),
        recipient: Some(Author { external_id: "zoe".into(), ..Default::default() }),
        ..message("o-1", "care", "Your kettle is recalled")
    };
    let case = world.receive_one("chat", ours).await;
    let zoe = case.customer.as_str();
    let mut sol = world.caller("sol", &[]);
    let mark = world.mark().await;
    let nothing = sol.customers.opt_in(opt_in(zoe, pb::Purpose::Any)).await.unwrap().into_inner();
    assert!(!nothing.changed, "who has said nothing refuses nothing");
    let (customer, expected_position) = shown(&mut sol, zoe, "").await;
    let met = &customer.identities[0];
    assert_eq!((met.identity.as_str(), met.channel.as_str(), met.name.as_str()), (zoe, "chat", ""));
    assert_eq!(customer.cases[0].case_id, case.case_id);
    let nobody = opt_out("chat_0123456789abcdef", pb::Purpose::Any);
    for mut caller in [world.administrator(), sol.clone()] {
        refused(caller.customers.opt_out(nobody.clone()).await, Code::NotFound, "NOT_FOUND");
    }
    world.nothing_since(mark).await;

    let out = pb::OptOutRequest { expected_position, ..opt_out(zoe, pb::Purpose::Marketing) };
    let first = sol.customers.opt_out(out.clone()).await.unwrap().into_inner();
    assert!(first.changed);
    assert_eq!(sol.customers.opt_out(out).await.unwrap().into_inner(), first);
    // When she writes, what she is called becomes known, once; what she said stays.
    for id in ["m-1", "m-2"] {
        world.receive_one("chat", message(id, "zoe", "Which one?")).await;
    }
    let (customer, _) = shown(&mut sol, zoe, "").await;
    assert_eq!(customer.identities[0].name, "Name of zoe");
    assert_eq!(customer.opted_out[0].purpose(), pb::Purpose::Marketing);
    assert_eq!(world.log_entries(&["customer"]).await.len(), 2);
    assert_eq!(sol.case(&case.case_id).await.customer_name, "Name of zoe");
    let (before, after) = world.administrator().rebuild().await;
    assert_eq!(before, after, "the read model is what a rebuild makes of the log");
    world.end().await;
}
