//! What all commands have in common.

use proto::cases::v1 as pb;

/// A command as it came in.
pub trait Request: prost::Message + Clone + Default {
    /// The method's name: the same id for another method is another command.
    const METHOD: &'static str;
    /// Makes a retry harmless.
    fn command_id(&self) -> &str;
    /// The case: a UUID or a number.
    fn case_id(&self) -> &str;
    /// The version that the caller insists on.
    fn expected_position(&self) -> &str;
}

macro_rules! requests {
    ($($request:ident),* $(,)?) => {$(
        impl Request for pb::$request {
            const METHOD: &'static str = stringify!($request);

            fn command_id(&self) -> &str {
                &self.command_id
            }

            fn case_id(&self) -> &str {
                &self.case_id
            }

            fn expected_position(&self) -> &str {
                &self.expected_position
            }
        }
    )*};
}

requests!(
    ReplyRequest,
    AddNoteRequest,
    ChangeTagsRequest,
    SetPriorityRequest,
    SetCategoryRequest,
    SetFieldsRequest,
    SetTitleRequest,
    SetLanguageRequest,
    SetStatusLabelRequest,
    AssignRequest,
    UnassignRequest,
    TransferRequest,
    EscalateRequest,
    PendRequest,
    HoldRequest,
    ContinueRequest,
    SnoozeRequest,
    WakeRequest,
    ResolveRequest,
    ReopenRequest,
    CloseRequest,
    MarkSpamRequest,
    UnmarkSpamRequest,
    KeepSilenceRequest,
    MoveToPrivateRequest,
    ContactRequest,
    CheckItemRequest,
    MergeRequest,
    UnmergeRequest,
    SplitRequest,
    LinkRequest,
    UnlinkRequest,
);
