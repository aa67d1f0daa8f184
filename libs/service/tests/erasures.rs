//! A process that erased nobody forgets whom another one erased.

use std::sync::Arc;

use domain::{
    actor::{Actor, Kind},
    customer::{self, Action, Identity, State},
    decider::{Command, Decider},
    ids::{ActorId, AuthMethod},
};
use eventlog::{EventLog, Faults, Position, SimLog};
use serde_json::json;
use service::{
    clock::{Clock, ManualClock},
    conformance,
    erasures::Erasures,
    transact::Transactor,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vault::{MemoryKeys, SiteKey, Vault};

const STREAM: &str = "case-1";
const ENTRY: Uuid = Uuid::from_u128(7);

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct No(#[from] customer::Error);

#[tokio::test]
async fn who_is_erased_elsewhere_is_forgotten_here_as_soon_as_it_is_in_the_log() {
    let (keys, site_key) = (Arc::new(MemoryKeys::default()), SiteKey::generate().unwrap());
    let vault = async || Arc::new(Vault::unlock(&site_key, keys.clone()).await.unwrap());
    let (here, there) = (vault().await, vault().await);
    let log: Arc<dyn EventLog> = Arc::new(SimLog::new(1, Faults::default()));
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(domain::time::Timestamp::UNIX_EPOCH));
    let ann = format!("forum_{}", "0".repeat(40));
    let mut words = [json!({ "subject": ann, "open": "My wombat is on fire" })];
    let said = words.clone();
    there.seal(STREAM, ENTRY, &mut words).await.unwrap();

    let erasures = Arc::new(Erasures::open(Arc::clone(&log), Arc::clone(&here)).await.unwrap());
    let stop = CancellationToken::new();
    let listening = tokio::spawn(Arc::clone(&erasures).run(stop.clone()));
    let read = async || {
        let mut words = words.clone();
        here.open(STREAM, ENTRY, &mut words).await.unwrap();
        words
    };
    assert_eq!(read().await, said);

    there.destroy(std::slice::from_ref(&ann)).await.unwrap();
    assert_eq!(read().await, said, "its key is still at hand here");
    let customers = Transactor::<State>::new("local", Arc::clone(&log), Arc::clone(&there), clock);
    let stream = customers.stream("ann").unwrap();
    let actor =
        Actor::new(Kind::Service, ActorId::new("erasure").unwrap(), AuthMethod::new("internal").unwrap());
    let mut last = Position::NONE;
    let identity = Identity {
        id: ann.parse().unwrap(),
        account: "forum".parse().unwrap(),
        channel: "forum".parse().unwrap(),
        name: None,
        handle: None,
        address: None,
    };
    for (n, action) in (1..).zip([Action::AddIdentity(Box::new(identity)), Action::Erase]) {
        let make = |_: &_, at| Ok(vec![Command::new(at, actor.clone(), action.clone())]);
        let meta = conformance::meta(Uuid::from_u128(n));
        last = customers.execute::<No>(&stream, &meta, make).await.unwrap().position;
    }
    assert_eq!(stream.category(), State::CATEGORY);

    erasures.heard().wait_for(|heard| *heard >= last).await.unwrap();
    assert_eq!(read().await, [json!({ "subject": ann, "erased": true })]);
    stop.cancel();
    listening.await.unwrap();
}
