//! Keys that are lost are not replaced by new ones in silence.

use std::{fs, path::Path, sync::Arc};

use dossier::up;
use service::clock::SystemClock;
use tests::{desk::message, world::World};

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
