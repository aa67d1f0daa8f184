//! Keys that are lost are not replaced by new ones in silence, and who has the issuer's makes tokens.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    sync::Arc,
};

use dossier::up;
use serde_json::json;
use service::clock::SystemClock;
use tests::{desk::message, faults::Site, http::Json, program, world::World};

async fn refusal(folder: &Path) -> String {
    let opened = up::shell(folder, Arc::new(SystemClock)).await;
    format!("{:#}", opened.err().expect("a site without its keys does not start"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_whose_keys_are_lost_does_not_start_and_makes_no_others() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let world = World::open(folder.path(), Arc::new(SystemClock)).await;
    let case = world.receive_one("forum", message("m-1", "ada", "My kettle does not boil")).await;
    world.end().await;

    let (keys, site_key) = (folder.path().join("keys.db"), folder.path().join("site.key"));
    let backup = tempfile::tempdir().expect("a temporary folder");
    let kept = backup.path().join("keys.db");
    fs::copy(&keys, &kept).expect("a copy");
    for name in ["keys.db", "keys.db-wal", "keys.db-shm"] {
        fs::remove_file(folder.path().join(name)).ok();
    }
    // Twice: the refusal itself is no beginning.
    for _ in 0..2 {
        let text = refusal(folder.path()).await;
        assert!(text.contains("restore the key store from its backup"), "{text}");
    }
    fs::copy(&kept, &keys).expect("the backup");

    let secret = fs::read(&site_key).expect("the site key");
    fs::remove_file(&site_key).expect("it is there");
    let text = refusal(folder.path()).await;
    assert!(text.contains("restore the site key"), "{text}");
    assert!(!site_key.exists(), "no other key is made");
    fs::write(&site_key, secret).expect("the backup");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&site_key, private).expect("its owner's");

    let world = World::open(folder.path(), Arc::new(SystemClock)).await;
    let again = world.administrator().case(&case.case_id).await;
    assert_eq!(again.timeline[0].text, "My kettle does not boil");
    world.end().await;
}

/// `dossier token` in a data folder, with nothing of this process's settings.
fn token(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(program::path());
    command.env_clear().current_dir(std::env::temp_dir());
    command.arg("token").arg("--data").arg(data).args(arguments).output().expect("the program starts")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_made_in_the_folder_is_taken_by_its_server() {
    let site = Site::up();
    let folder = site.data();
    let may = async |arguments: &[&str], method: &str| {
        let made = token(&folder, arguments);
        assert!(made.status.success(), "{made:?}");
        let text = String::from_utf8(made.stdout).expect("a token");
        assert_eq!(text.lines().count(), 1, "the token and nothing else");
        let call = Json::new(site.servers[0].http(), Some(text.trim()));
        call.call(method, &json!({})).await.status.as_u16()
    };
    let (list, models) =
        ("dossier.cases.v1.Cases/ListCases", "dossier.operations.v1.Operations/ListReadModels");
    assert_eq!(may(&["ana"], list).await, 200, "with the roles of the policy");
    assert_eq!(may(&["ana"], models).await, 403, "and no others");
    let service = ["export", "--kind", "service", "--role", "compliance", "--days", "1"];
    assert_eq!(may(&service, models).await, 200);
    for wrong in [&["a b"][..], &["ana", "--role", "king"], &["ana", "--days", "0"], &[]] {
        assert_eq!(token(&folder, wrong).status.code(), Some(2), "{wrong:?}");
    }
    let nowhere = tempfile::tempdir().expect("a temporary folder");
    let none = token(nowhere.path(), &["ana"]);
    assert_eq!((none.status.code(), none.stdout.len()), (Some(4), 0));
    assert!(String::from_utf8_lossy(&none.stderr).contains("--data DIR"), "{none:?}");
    assert!(!nowhere.path().join("issuer.pem").exists(), "no key is made");
}
