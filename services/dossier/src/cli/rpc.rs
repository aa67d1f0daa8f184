//! Every call that the command line makes: its path and its answer, checked against the descriptors by a test.

use prost::Message;
use proto::{
    assignment::v1 as assignment, cases::v1::*, ingestion::v1 as ingestion, operations::v1 as operations,
    policy::v1 as policy,
};

/// A message with its full name.
pub trait Named: Message + Default {
    /// `<package>.<Message>`
    const NAME: &'static str;
}

/// A request: which method takes it, and what it answers.
pub trait Request: Message + Clone + 'static {
    /// `/<package>.<Service>/<Method>`
    const PATH: &'static str;
    /// The answer, or one of many where the method streams.
    type Answer: Message + Default + 'static;
}

macro_rules! named {
    ($($message:ty = $name:literal),+ $(,)?) => {
        $(impl Named for $message {
            const NAME: &'static str = $name;
        })+

        #[cfg(test)]
        const NAMES: &[&str] = &[$($name),+];
    };
}

macro_rules! requests {
    ($($request:ty => $answer:ty : $path:literal),+ $(,)?) => {
        $(impl Request for $request {
            const PATH: &'static str = $path;
            type Answer = $answer;
        })+

        #[cfg(test)]
        const REQUESTS: &[(&str, &str, &str)] =
            &[$(($path, stringify!($request), stringify!($answer))),+];
    };
}

/// The other method that takes an answer to an offer.
pub const DECLINE_OFFER: &str = "/dossier.assignment.v1.Assignment/DeclineOffer";

named! {
    Case = "dossier.cases.v1.Case",
    CommandResponse = "dossier.cases.v1.CommandResponse",
    BulkResponse = "dossier.cases.v1.BulkResponse",
    bulk_response::Result = "dossier.cases.v1.BulkResponse.Result",
    GetCaseResponse = "dossier.cases.v1.GetCaseResponse",
    ListCasesResponse = "dossier.cases.v1.ListCasesResponse",
    GetHistoryResponse = "dossier.cases.v1.GetHistoryResponse",
    HistoryEntry = "dossier.cases.v1.HistoryEntry",
    ExplainSlaResponse = "dossier.cases.v1.ExplainSlaResponse",
    Clock = "dossier.cases.v1.Clock",
    WatchResponse = "dossier.cases.v1.WatchResponse",
    Customer = "dossier.cases.v1.Customer",
    CustomerCommandResponse = "dossier.cases.v1.CustomerCommandResponse",
    GetCustomerResponse = "dossier.cases.v1.GetCustomerResponse",
    assignment::Agent = "dossier.assignment.v1.Agent",
    assignment::ListAgentsResponse = "dossier.assignment.v1.ListAgentsResponse",
    assignment::ListQueuesResponse = "dossier.assignment.v1.ListQueuesResponse",
    assignment::ListWaitingResponse = "dossier.assignment.v1.ListWaitingResponse",
    assignment::TakeNextResponse = "dossier.assignment.v1.TakeNextResponse",
    assignment::ExplainResponse = "dossier.assignment.v1.ExplainResponse",
    ingestion::GetLedgerResponse = "dossier.ingestion.v1.GetLedgerResponse",
    ingestion::Channel = "dossier.ingestion.v1.Channel",
    ingestion::ListChannelsResponse = "dossier.ingestion.v1.ListChannelsResponse",
    ingestion::Delivery = "dossier.ingestion.v1.Delivery",
    ingestion::ListDeliveriesResponse = "dossier.ingestion.v1.ListDeliveriesResponse",
    ingestion::DeadLetter = "dossier.ingestion.v1.DeadLetter",
    ingestion::GetDeadLetterResponse = "dossier.ingestion.v1.GetDeadLetterResponse",
    ingestion::DiscardDeadLettersResponse = "dossier.ingestion.v1.DiscardDeadLettersResponse",
    ingestion::ListDeadLettersResponse = "dossier.ingestion.v1.ListDeadLettersResponse",
    operations::TailEventsResponse = "dossier.operations.v1.TailEventsResponse",
    operations::GetStreamResponse = "dossier.operations.v1.GetStreamResponse",
    operations::LogEntry = "dossier.operations.v1.LogEntry",
    operations::ListReadModelsResponse = "dossier.operations.v1.ListReadModelsResponse",
    operations::RebuildResponse = "dossier.operations.v1.RebuildResponse",
    policy::ApplyResponse = "dossier.policy.v1.ApplyResponse",
    policy::apply_response::Change = "dossier.policy.v1.ApplyResponse.Change",
    policy::ShowResponse = "dossier.policy.v1.ShowResponse",
    policy::show_response::Field = "dossier.policy.v1.ShowResponse.Field",
}

requests! {
    OpenCaseRequest => CommandResponse: "/dossier.cases.v1.Cases/OpenCase",
    ReplyRequest => CommandResponse: "/dossier.cases.v1.Cases/Reply",
    AddNoteRequest => CommandResponse: "/dossier.cases.v1.Cases/AddNote",
    ChangeTagsRequest => CommandResponse: "/dossier.cases.v1.Cases/ChangeTags",
    SetPriorityRequest => CommandResponse: "/dossier.cases.v1.Cases/SetPriority",
    SetCategoryRequest => CommandResponse: "/dossier.cases.v1.Cases/SetCategory",
    SetFieldsRequest => CommandResponse: "/dossier.cases.v1.Cases/SetFields",
    SetTitleRequest => CommandResponse: "/dossier.cases.v1.Cases/SetTitle",
    SetLanguageRequest => CommandResponse: "/dossier.cases.v1.Cases/SetLanguage",
    SetStatusLabelRequest => CommandResponse: "/dossier.cases.v1.Cases/SetStatusLabel",
    AssignRequest => CommandResponse: "/dossier.cases.v1.Cases/Assign",
    UnassignRequest => CommandResponse: "/dossier.cases.v1.Cases/Unassign",
    TransferRequest => CommandResponse: "/dossier.cases.v1.Cases/Transfer",
    EscalateRequest => CommandResponse: "/dossier.cases.v1.Cases/Escalate",
    PendRequest => CommandResponse: "/dossier.cases.v1.Cases/Pend",
    HoldRequest => CommandResponse: "/dossier.cases.v1.Cases/Hold",
    ContinueRequest => CommandResponse: "/dossier.cases.v1.Cases/Continue",
    SnoozeRequest => CommandResponse: "/dossier.cases.v1.Cases/Snooze",
    WakeRequest => CommandResponse: "/dossier.cases.v1.Cases/Wake",
    ResolveRequest => CommandResponse: "/dossier.cases.v1.Cases/Resolve",
    ReopenRequest => CommandResponse: "/dossier.cases.v1.Cases/Reopen",
    CloseRequest => CommandResponse: "/dossier.cases.v1.Cases/Close",
    FollowUpRequest => CommandResponse: "/dossier.cases.v1.Cases/FollowUp",
    MarkSpamRequest => CommandResponse: "/dossier.cases.v1.Cases/MarkSpam",
    UnmarkSpamRequest => CommandResponse: "/dossier.cases.v1.Cases/UnmarkSpam",
    KeepSilenceRequest => CommandResponse: "/dossier.cases.v1.Cases/KeepSilence",
    MoveToPrivateRequest => CommandResponse: "/dossier.cases.v1.Cases/MoveToPrivate",
    ContactRequest => CommandResponse: "/dossier.cases.v1.Cases/Contact",
    CheckItemRequest => CommandResponse: "/dossier.cases.v1.Cases/CheckItem",
    MergeRequest => CommandResponse: "/dossier.cases.v1.Cases/Merge",
    UnmergeRequest => CommandResponse: "/dossier.cases.v1.Cases/Unmerge",
    SplitRequest => CommandResponse: "/dossier.cases.v1.Cases/Split",
    LinkRequest => CommandResponse: "/dossier.cases.v1.Cases/Link",
    UnlinkRequest => CommandResponse: "/dossier.cases.v1.Cases/Unlink",
    BulkRequest => BulkResponse: "/dossier.cases.v1.Cases/Bulk",
    GetCaseRequest => GetCaseResponse: "/dossier.cases.v1.Cases/GetCase",
    ListCasesRequest => ListCasesResponse: "/dossier.cases.v1.Cases/ListCases",
    GetHistoryRequest => GetHistoryResponse: "/dossier.cases.v1.Cases/GetHistory",
    ExplainSlaRequest => ExplainSlaResponse: "/dossier.cases.v1.Cases/ExplainSla",
    GetAttachmentRequest => GetAttachmentResponse: "/dossier.cases.v1.Cases/GetAttachment",
    WatchRequest => WatchResponse: "/dossier.cases.v1.Cases/Watch",
    GiveConsentRequest => CustomerCommandResponse: "/dossier.cases.v1.Customers/GiveConsent",
    RevokeConsentRequest => CustomerCommandResponse: "/dossier.cases.v1.Customers/RevokeConsent",
    LinkIdentityRequest => CustomerCommandResponse: "/dossier.cases.v1.Customers/LinkIdentity",
    OptOutRequest => CustomerCommandResponse: "/dossier.cases.v1.Customers/OptOut",
    OptInRequest => CustomerCommandResponse: "/dossier.cases.v1.Customers/OptIn",
    GetCustomerRequest => GetCustomerResponse: "/dossier.cases.v1.Customers/GetCustomer",
    assignment::ListAgentsRequest => assignment::ListAgentsResponse: "/dossier.assignment.v1.Assignment/ListAgents",
    assignment::GetAgentRequest => assignment::GetAgentResponse: "/dossier.assignment.v1.Assignment/GetAgent",
    assignment::SetPresenceRequest => assignment::ChangeAgentResponse: "/dossier.assignment.v1.Assignment/SetPresence",
    assignment::SetDrainingRequest => assignment::ChangeAgentResponse: "/dossier.assignment.v1.Assignment/SetDraining",
    assignment::AnswerOfferRequest => assignment::ChangeAgentResponse: "/dossier.assignment.v1.Assignment/AcceptOffer",
    assignment::TakeNextRequest => assignment::TakeNextResponse: "/dossier.assignment.v1.Assignment/TakeNext",
    assignment::ListQueuesRequest => assignment::ListQueuesResponse: "/dossier.assignment.v1.Assignment/ListQueues",
    assignment::ListWaitingRequest => assignment::ListWaitingResponse: "/dossier.assignment.v1.Assignment/ListWaiting",
    assignment::ExplainRequest => assignment::ExplainResponse: "/dossier.assignment.v1.Assignment/Explain",
    ingestion::SubmitRequest => ingestion::SubmitResponse: "/dossier.ingestion.v1.Ingestion/Submit",
    ingestion::GetLedgerRequest => ingestion::GetLedgerResponse: "/dossier.ingestion.v1.Ingestion/GetLedger",
    ingestion::HoldChannelRequest => ingestion::ChangeChannelResponse: "/dossier.ingestion.v1.Channels/HoldChannel",
    ingestion::ReleaseChannelRequest => ingestion::ChangeChannelResponse: "/dossier.ingestion.v1.Channels/ReleaseChannel",
    ingestion::GetChannelRequest => ingestion::GetChannelResponse: "/dossier.ingestion.v1.Channels/GetChannel",
    ingestion::ListChannelsRequest => ingestion::ListChannelsResponse: "/dossier.ingestion.v1.Channels/ListChannels",
    ingestion::CancelDeliveryRequest => ingestion::ChangeDeliveryResponse: "/dossier.ingestion.v1.Deliveries/CancelDelivery",
    ingestion::ResendDeliveryRequest => ingestion::ChangeDeliveryResponse: "/dossier.ingestion.v1.Deliveries/ResendDelivery",
    ingestion::ClarifyDeliveryRequest => ingestion::ChangeDeliveryResponse: "/dossier.ingestion.v1.Deliveries/ClarifyDelivery",
    ingestion::AbandonDeliveryRequest => ingestion::ChangeDeliveryResponse: "/dossier.ingestion.v1.Deliveries/AbandonDelivery",
    ingestion::ReplayDeliveryRequest => ingestion::ChangeDeliveryResponse: "/dossier.ingestion.v1.Deliveries/ReplayDelivery",
    ingestion::GetDeliveryRequest => ingestion::GetDeliveryResponse: "/dossier.ingestion.v1.Deliveries/GetDelivery",
    ingestion::ListDeliveriesRequest => ingestion::ListDeliveriesResponse:
        "/dossier.ingestion.v1.Deliveries/ListDeliveries",
    ingestion::ListDeadLettersRequest => ingestion::ListDeadLettersResponse:
        "/dossier.ingestion.v1.DeadLetters/ListDeadLetters",
    ingestion::GetDeadLetterRequest => ingestion::GetDeadLetterResponse:
        "/dossier.ingestion.v1.DeadLetters/GetDeadLetter",
    ingestion::RetryDeadLetterRequest => ingestion::RetryDeadLetterResponse:
        "/dossier.ingestion.v1.DeadLetters/RetryDeadLetter",
    ingestion::DiscardDeadLetterRequest => ingestion::DiscardDeadLetterResponse:
        "/dossier.ingestion.v1.DeadLetters/DiscardDeadLetter",
    ingestion::DiscardDeadLettersRequest => ingestion::DiscardDeadLettersResponse:
        "/dossier.ingestion.v1.DeadLetters/DiscardDeadLetters",
    operations::TailEventsRequest => operations::TailEventsResponse: "/dossier.operations.v1.Operations/TailEvents",
    operations::GetStreamRequest => operations::GetStreamResponse: "/dossier.operations.v1.Operations/GetStream",
    operations::ListReadModelsRequest => operations::ListReadModelsResponse:
        "/dossier.operations.v1.Operations/ListReadModels",
    operations::RebuildRequest => operations::RebuildResponse: "/dossier.operations.v1.Operations/Rebuild",
    policy::ApplyRequest => policy::ApplyResponse: "/dossier.policy.v1.PolicyService/Apply",
    policy::ShowRequest => policy::ShowResponse: "/dossier.policy.v1.PolicyService/Show",
}

#[cfg(test)]
mod tests {
    use super::{super::output::json, *};

    fn last(path: &str) -> &str {
        path.rsplit([':', ' ', '.', '/']).next().unwrap()
    }

    #[test]
    fn every_call_is_in_the_contract_as_it_is_here() {
        let pool = json::pool().unwrap();
        let decline = (DECLINE_OFFER, "AnswerOfferRequest", "ChangeAgentResponse");
        for (path, request, answer) in REQUESTS.iter().copied().chain([decline]) {
            let (service, method) = path.trim_start_matches('/').split_once('/').unwrap();
            let service = pool.get_service_by_name(service).unwrap_or_else(|| panic!("{service}"));
            let method = service.methods().find(|m| m.name() == method).unwrap_or_else(|| panic!("{path}"));
            assert_eq!(method.input().name(), last(request), "{path}");
            assert_eq!(method.output().name(), last(answer), "{path}");
        }
    }

    #[test]
    fn every_name_is_in_the_contract() {
        let pool = json::pool().unwrap();
        for name in NAMES {
            assert!(pool.get_message_by_name(name).is_some(), "{name}");
        }
    }
}
