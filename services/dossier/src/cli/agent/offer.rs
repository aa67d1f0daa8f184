//! Answers to offers.

use clap::Args;
use proto::{
    assignment::v1::{Agent, AnswerOfferRequest, Offer},
    cases::v1::GetCaseRequest,
};
use uuid::Uuid;

use super::{
    super::{
        case::Once,
        client::Client,
        context::Context,
        error::{Exit, Failure},
        rpc::{DECLINE_OFFER, Request},
    },
    ME, changed, known,
};

/// A case that the caller is offered.
#[derive(Args, Debug)]
pub struct Offered {
    /// Its number or id
    #[arg(value_name = "CASE")]
    case: String,
    /// The decision that made the offer [default: the one that it stands by now]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    decision: Option<u32>,
    #[command(flatten)]
    once: Once,
}

/// Takes it.
pub async fn accept(context: &Context, client: &Client, offered: Offered) -> Result<(), Failure> {
    answer(context, client, AnswerOfferRequest::PATH, offered, String::new()).await
}

/// Does not take it.
pub async fn decline(
    context: &Context,
    client: &Client,
    offered: Offered,
    reason: Option<String>,
) -> Result<(), Failure> {
    answer(context, client, DECLINE_OFFER, offered, reason.unwrap_or_default()).await
}

async fn answer(
    context: &Context,
    client: &Client,
    path: &'static str,
    offered: Offered,
    reason: String,
) -> Result<(), Failure> {
    let Offered { case, decision, once } = offered;
    let case_id = id(client, &case).await?;
    let decision = match decision {
        Some(decision) => decision,
        None => open_offer(&known(client, ME, "").await?, &case_id, &case)?.decision,
    };
    let request = AnswerOfferRequest {
        command_id: once.id(),
        person: ME.to_owned(),
        case_id,
        decision,
        reason,
        ..AnswerOfferRequest::default()
    };
    changed(context, &request.command_id.clone(), client.call_at(path, request).await)
}

/// The id of a case: offers have no numbers.
async fn id(client: &Client, case: &str) -> Result<String, Failure> {
    if let Ok(id) = Uuid::try_parse(case) {
        return Ok(id.to_string());
    }
    let request = GetCaseRequest { case_id: case.to_owned(), ..GetCaseRequest::default() };
    let found = client.call(request).await.map_err(|failure| match failure.exit {
        // What is offered from another team's queue is seen by its number only once it is taken.
        Exit::NotFound => failure.next("name it by its id, as `dossier agent show` has it"),
        _ => failure,
    })?;
    Ok(found.case.unwrap_or_default().case_id)
}

fn open_offer<'a>(agent: &'a Agent, case_id: &str, case: &str) -> Result<&'a Offer, Failure> {
    agent.offers.iter().find(|offer| offer.case_id == case_id).ok_or_else(|| {
        Failure::new(Exit::Refused, format!("{case} is not offered to you, or not any more"))
            .next("look with `dossier agent show`; with --decision N the answer is sent anyhow")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_is_found_by_its_case() {
        let offer = |case_id: &str, decision| Offer { case_id: case_id.into(), decision, ..Offer::default() };
        let agent = Agent { offers: vec![offer("a", 1), offer("b", 3)], ..Agent::default() };
        assert_eq!(open_offer(&agent, "b", "PAR-2").map(|offer| offer.decision), Ok(3));
        let refused = open_offer(&agent, "c", "PAR-3").unwrap_err();
        assert_eq!(refused.exit, Exit::Refused);
        assert!(refused.what.starts_with("PAR-3 ") && refused.next.is_some());
    }
}
