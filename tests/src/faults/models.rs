use std::{collections::BTreeSet, time::Duration};

use futures_util::FutureExt;
use proto::{
    cases::v1::{Case, ListCasesRequest, WatchRequest, list_cases_request::Order},
    operations::v1::{ListReadModelsRequest, RebuildRequest},
};

use super::sequence;
use crate::world::Caller;

/// How long a read model may need for what is in the log.
const WHOLE_WITHIN: Duration = Duration::from_secs(60);

/// Every read model of the process equals what a rebuild makes of the log, and nothing is set aside.
pub async fn equal_a_rebuild(caller: &mut Caller) {
    let models = caller.operations.list_read_models(ListReadModelsRequest::default()).await;
    let models = models.expect("the read models").into_inner().models;
    assert!(!models.is_empty(), "the process has read models");
    for model in models {
        assert_eq!(model.parked, [], "nothing of {} is parked", model.name);
        let request = RebuildRequest { name: model.name.clone() };
        let mut told = caller.operations.rebuild(request).await.expect("a rebuild").into_inner();
        let mut last = None;
        while let Some(next) = told.message().await.expect("a rebuild") {
            last = Some(next);
        }
        let last = last.filter(|last| last.done).expect("a rebuild ends");
        assert_eq!(last.digest_before, last.digest_after, "{} equals its rebuild", model.name);
        assert!(!last.digest_after.is_empty(), "{} has a digest", model.name);
    }
}

/// Read models of cases that several processes have come to the same position, and say the same there.
pub async fn agree(callers: &mut [Caller]) {
    let look = async {
        let mut at_least = String::new();
        loop {
            let mut seen: Vec<(String, String, String)> = Vec::new();
            for caller in callers.iter_mut() {
                // Waits until it has come as far as the others had.
                let list =
                    ListCasesRequest { at_least: at_least.clone(), page_size: 1, ..Default::default() };
                caller.cases.list_cases(list).await.expect("the cases");
                let request = ListReadModelsRequest { digest: true, ..ListReadModelsRequest::default() };
                let models = caller.operations.list_read_models(request).await.expect("the read models");
                seen.extend(models.into_inner().models.into_iter().map(|m| (m.name, m.position, m.digest)));
            }
            let places: BTreeSet<(&str, &str)> =
                seen.iter().map(|(n, p, _)| (n.as_str(), p.as_str())).collect();
            let names: BTreeSet<&str> = seen.iter().map(|(name, ..)| name.as_str()).collect();
            if places.len() == names.len() {
                let different: BTreeSet<_> = seen.iter().collect();
                assert_eq!(different.len(), names.len(), "each read model says one thing: {different:?}");
                return;
            }
            let last = seen.into_iter().map(|(_, position, _)| position).max_by_key(|last| sequence(last));
            at_least = last.expect("a process has read models");
        }
    };
    tokio::time::timeout(WHOLE_WITHIN, look).await.expect("the processes come to the same position");
}

/// All cases, once `messages` messages are in them.
pub async fn whole(caller: &mut Caller, messages: u64) -> Vec<Case> {
    let look = async {
        let mut watch = caller.clone();
        let changes = watch.cases.watch(WatchRequest::default()).await.expect("a watch");
        let mut changes = changes.into_inner();
        let mut at_least = String::new();
        loop {
            let cases = all(caller, at_least).await;
            let count: u64 = cases.iter().map(|case| u64::from(case.message_count)).sum();
            assert!(count <= messages, "{count} messages in the cases, {messages} came in");
            if count == messages {
                return cases;
            }
            // The watch began before the look: what is not seen yet is a change that comes.
            let mut change = changes.message().await.expect("a change").expect("a watch never ends");
            while let Some(Ok(Some(next))) = changes.message().now_or_never() {
                change = next;
            }
            at_least = change.position;
        }
    };
    tokio::time::timeout(WHOLE_WITHIN, look)
        .await
        .unwrap_or_else(|_| panic!("{messages} messages are in cases"))
}

async fn all(caller: &mut Caller, at_least: String) -> Vec<Case> {
    let order = Order::OpenedAsc.into();
    let mut request = ListCasesRequest { order, page_size: 200, at_least, ..ListCasesRequest::default() };
    let mut cases = Vec::new();
    loop {
        let page = caller.cases.list_cases(request.clone()).await.expect("the cases").into_inner();
        cases.extend(page.cases);
        if page.next_page_token.is_empty() {
            return cases;
        }
        request.page_token = page.next_page_token;
    }
}
