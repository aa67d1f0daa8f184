//! The sample: a first look, and the same look again.

use std::net::SocketAddr;

use dossier::{platform::Platform, sample, up};
use proto::policy::v1::apply_request::File;
use service::health::State;

async fn start(data: &std::path::Path) -> Platform {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = up::Config {
        data: data.to_owned(),
        policy: None,
        sample: true,
        http: any,
        grpc: any,
        hooks: any,
        mail: any,
        behind_proxy: false,
        metrics: prometheus::Registry::new(),
    };
    up::start(&config).await.expect("the sample is right")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loading_again_adds_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut tails = Vec::new();
    for _ in 0..3 {
        let platform = start(folder.path()).await;
        tails.push(platform.shell.log.tail(&[]).await.expect("the log answers"));
        assert_eq!(*platform.health().borrow(), State::default(), "nothing waits");
        let log = std::sync::Arc::clone(&platform.shell.log);
        platform.end().await;
        log.close().await;
    }
    assert!(tails[0].0 > 300, "the sample is there: {tails:?}");
    assert_eq!(tails, [tails[0]; 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_is_in_force_stays() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let platform = start(folder.path()).await;
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../services/dossier/sample/policy");
    let mut files = sample::files_in(std::path::Path::new(own)).expect("the sample's own policy");
    let text = "[[team]]\nid = \"kettles\"\nname = \"Kettles\"\nregion = \"emea\"\n";
    files.push(File { name: "kettles.toml".into(), text: text.into() });
    sample::apply(&platform, files).await.expect("a team more");
    let version = platform.policies.current().version;
    let log = std::sync::Arc::clone(&platform.shell.log);
    platform.end().await;
    log.close().await;

    let platform = start(folder.path()).await;
    let now = platform.policies.current();
    assert!(now.version >= version && now.state.set().team(&"kettles".parse().unwrap()).is_some());
    platform.end().await;
}
