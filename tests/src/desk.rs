//! What a desk does all day, in few words: messages that come in, cases that are looked at, refusals that are read.

use domain::time::Timestamp;
use proto::{
    cases::v1 as pb,
    ingestion::v1::{Author, Direction, Message, SubmitRequest, SubmitResponse, submit_response::Outcome},
    operations::v1 as ops,
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::world::{Caller, World};

/// When the customers of the tests write, unless a test says otherwise.
pub const SENT_AT_S: i64 = 1_767_225_600;

/// A customer's message, sent at [`SENT_AT_S`].
pub fn message(id: &str, author: &str, text: &str) -> Message {
    Message {
        external_id: id.into(),
        author: Some(Author {
            external_id: author.into(),
            name: format!("Name of {author}"),
            handle: format!("@{author}"),
        }),
        direction: Direction::Inbound.into(),
        text: text.into(),
        sent_at: Some(seconds(SENT_AT_S)),
        ..Message::default()
    }
}

/// An instant in seconds since 1970.
pub const fn seconds(seconds: i64) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds, nanos: 0 }
}

/// An instant as the domain has it.
pub fn instant(at: prost_types::Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.seconds * 1_000_000 + i64::from(at.nanos) / 1_000).expect("an instant")
}

impl World {
    /// Messages come in, none is rejected, and all of them are in cases when this answers.
    pub async fn receive(&self, account: &str, messages: Vec<Message>) -> SubmitResponse {
        let request = SubmitRequest { account: account.into(), messages, ..SubmitRequest::default() };
        let answer =
            self.administrator().ingestion.submit(request).await.expect("the intake answers").into_inner();
        for result in &answer.results {
            assert_ne!(result.outcome(), Outcome::Rejected, "{}: {}", result.field, result.reason);
        }
        if !answer.position.is_empty() {
            self.settled(&answer.position).await;
        }
        answer
    }

    /// One message comes in; the case that it is in.
    pub async fn receive_one(&self, account: &str, message: Message) -> pb::Case {
        let answer = self.receive(account, vec![message]).await;
        let id = &answer.results[0].message_id;
        let mut root = self.administrator();
        let mut list = pb::ListCasesRequest { page_size: 200, ..Default::default() };
        loop {
            let page = root.cases.list_cases(list.clone()).await.expect("a list").into_inner();
            for case in page.cases {
                let case = root.case(&case.case_id).await;
                if case.status() != pb::Status::Merged && case.timeline.iter().any(|item| item.id == *id) {
                    return case;
                }
            }
            assert!(!page.next_page_token.is_empty(), "the message is in no case");
            list.page_token = page.next_page_token;
        }
    }

    /// Puts a mark at the end of the log. Between two marks that follow each other directly nothing was written.
    pub async fn mark(&self) -> eventlog::Position {
        let category = eventlog::Category::new("mark").expect("a category");
        let id = uuid::Uuid::new_v4();
        let stream = eventlog::StreamId::new(&category, id).expect("a stream");
        let entry = eventlog::NewEntry { id, stream, traceparent: None, body: b"{}".as_slice().into() };
        self.platform.shell.log.append(eventlog::Position::NONE, entry).await.expect("the log takes a mark")
    }

    /// Nothing was written since `mark`.
    ///
    /// # Panics
    ///
    /// If something was.
    pub async fn nothing_since(&self, mark: eventlog::Position) {
        assert_eq!(self.mark().await.0, mark.0 + 1, "something was written");
    }

    /// The entries of these categories, up to now.
    pub async fn log_entries(&self, categories: &[&str]) -> Vec<eventlog::Entry> {
        use futures_util::StreamExt;
        let end = self.mark().await;
        let names = categories.iter().chain(&["mark"]);
        let categories: Vec<_> =
            names.map(|name| eventlog::Category::new(name).expect("a category")).collect();
        let mut follow = self.platform.shell.log.follow(eventlog::Position::NONE, &categories);
        let mut entries = Vec::new();
        while let Some(entry) = follow.next().await {
            let entry = entry.expect("the log can be read");
            if entry.position >= end {
                break;
            }
            if entry.stream.category() != "mark" {
                entries.push(entry);
            }
        }
        entries
    }
}

impl Caller {
    /// A case, by id or number.
    ///
    /// # Panics
    ///
    /// If the caller does not see it.
    pub async fn case(&mut self, id: &str) -> pb::Case {
        self.case_as_of(id, "").await.expect("the case")
    }

    /// A case as it was.
    pub async fn case_as_of(&mut self, id: &str, as_of: &str) -> Result<pb::Case, Status> {
        let request = pb::GetCaseRequest { case_id: id.into(), as_of: as_of.into(), ..Default::default() };
        let answer = self.cases.get_case(request).await?.into_inner();
        Ok(answer.case.expect("an answer with a case"))
    }

    /// The whole history of a case.
    pub async fn history(&mut self, id: &str) -> Vec<pb::HistoryEntry> {
        let request = pb::GetHistoryRequest { case_id: id.into(), page_size: 1_000, ..Default::default() };
        self.cases.get_history(request).await.expect("a history").into_inner().entries
    }

    /// All cases that match, page by page.
    pub async fn list(&mut self, request: pb::ListCasesRequest) -> Vec<pb::Case> {
        let mut request = request;
        let mut cases = Vec::new();
        loop {
            let page = self.cases.list_cases(request.clone()).await.expect("a page").into_inner();
            cases.extend(page.cases);
            if page.next_page_token.is_empty() {
                return cases;
            }
            request.page_token = page.next_page_token;
        }
    }

    /// The ids of the cases that match, in the order of the ids.
    pub async fn ids(&mut self, filter: pb::Filter, at_least: &str) -> Vec<String> {
        let request = pb::ListCasesRequest {
            filter: Some(filter),
            at_least: at_least.into(),
            page_size: 200,
            ..Default::default()
        };
        let mut ids: Vec<_> = self.list(request).await.into_iter().map(|case| case.case_id).collect();
        ids.sort_unstable();
        ids
    }

    /// The digest of the read model of cases, and where it is.
    pub async fn digest(&mut self, at_least: &str) -> (String, String) {
        // The list waits for the position; the models are asked after it.
        self.ids(pb::Filter { text: "waits".into(), ..Default::default() }, at_least).await;
        let request = ops::ListReadModelsRequest { digest: true, at_least: at_least.into() };
        let models = self.operations.list_read_models(request).await.expect("the models").into_inner().models;
        let model =
            models.into_iter().find(|model| model.name.starts_with("cases_")).expect("a model of cases");
        assert!(model.parked.is_empty(), "parked: {:?}", model.parked);
        (model.digest, model.position)
    }

    /// Builds the read model of cases anew: the digests before and after.
    pub async fn rebuild(&mut self) -> (String, String) {
        let request = ops::RebuildRequest { name: "cases".into() };
        let mut progress = self.operations.rebuild(request).await.expect("a rebuild").into_inner();
        while let Some(step) = progress.message().await.expect("progress") {
            if step.done {
                return (step.digest_before, step.digest_after);
            }
        }
        panic!("the rebuild did not come to an end");
    }
}

/// What a refusal says: its code, its stable reason, and the fields that are wrong.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The gRPC code.
    pub code: Code,
    /// `ErrorInfo.reason`.
    pub reason: String,
    /// The fields of `BadRequest`.
    pub fields: Vec<String>,
}

/// Reads a refusal; the details must be there.
///
/// # Panics
///
/// If the status has no `ErrorInfo`, or a wrong field is not described.
#[track_caller]
pub fn refusal(status: &Status) -> Refusal {
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    let wrong = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
    assert!(wrong.iter().all(|violation| !violation.description.is_empty()), "{status:?}");
    assert_eq!(info.domain, "dossier");
    Refusal {
        code: status.code(),
        reason: info.reason.clone(),
        fields: wrong.into_iter().map(|violation| violation.field).collect(),
    }
}

/// The call was refused for this reason.
///
/// # Panics
///
/// If it was not refused, or otherwise.
#[track_caller]
pub fn refused<T: std::fmt::Debug>(answer: Result<T, Status>, code: Code, reason: &str) -> Status {
    let status = answer.expect_err("a refusal");
    let said = refusal(&status);
    assert_eq!((said.code, said.reason.as_str()), (code, reason), "{status:?}");
    status
}

/// The call was refused because of this field.
///
/// # Panics
///
/// If it was not refused, or because of another.
#[track_caller]
pub fn wrong_field<T: std::fmt::Debug>(answer: Result<T, Status>, field: &str) {
    let status = answer.expect_err("a refusal");
    let said = refusal(&status);
    assert_eq!(
        (said.code, said.reason.as_str(), said.fields),
        (Code::InvalidArgument, "INVALID_FIELD", vec![field.to_owned()]),
        "{status:?}"
    );
}
