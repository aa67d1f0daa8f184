//! Files with rows that cannot be used: the others come in, each row is accounted for, and the reasons say where.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use tests::{desk::message, program, world::World};

async fn import(world: &World, name: &str, content: &[u8], format: &str) -> (Option<i32>, String, String) {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    let mut command = program::against(world, &world.administrator());
    command.args(["import", path.to_str().unwrap(), "--account", "forum", "--format", format]);
    let done = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("the program writes UTF-8");
    (done.status.code(), text(&done.stdout), text(&done.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_cannot_be_used_are_told_and_the_others_come_in() {
    let world = World::start().await;
    let mut csv = b"external_id,text,author,sent_at\n".to_vec();
    csv.extend(b"1,It leaks,ada,2026-01-01T00:00:00Z\n");
    csv.extend(b"2,It boils,ada,never\n");
    csv.extend(b"3,too,many,2026-01-01T00:00:00Z,columns\n");
    csv.extend(b"4,\xff\xfe,ada,2026-01-01T00:00:00Z\n");
    csv.extend(b",No id,ada,2026-01-01T00:00:00Z\n");
    csv.extend(b"6,a\0b,ada,2026-01-01T00:00:00Z\n");
    csv.extend(b"7,\"An open quote,ada,2026-01-01T00:00:00Z\n8,swallowed,ada,2026-01-01T00:00:00Z\n");
    let (code, out, told) = import(&world, "bad.csv", &csv, "csv").await;
    assert_eq!(code, Some(0), "{out}{told}");
    let closing = out.lines().last().unwrap();
    assert!(closing.starts_with("received 8 = accepted 3 + duplicate 0 + rejected 5"), "{closing}\n{told}");
    for row in [3, 4, 5, 6] {
        assert!(told.contains(&format!("line {row}")), "row at line {row} is told of: {told}");
    }
    assert!(!told.contains("An open quote"), "what was in a row is not repeated: {told}");
    let jsonl = concat!(
        "{\"external_id\":\"9\",\"author\":{\"external_id\":\"ada\"},\"text\":\"Fine\",\"sent_at\":\"2026-01-01T00:00:00Z\"}\n",
        "{\"external_id\":\"10\"\n",
        "[]\n",
        "{\"external_id\":\"11\",\"author\":{\"external_id\":\"ada\"},\"text\":\"\\ud800\",\"sent_at\":\"2026-01-01T00:00:00Z\"}\n",
    );
    let (code, out, told) = import(&world, "bad.jsonl", jsonl.as_bytes(), "jsonl").await;
    assert_eq!(code, Some(0), "{out}{told}");
    assert!(
        out.lines().last().unwrap().starts_with("received 4 = accepted 1 + duplicate 0 + rejected 3"),
        "{out}"
    );
    assert_eq!(world.log_entries(&["message"]).await.len(), 4);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_another_kind_is_refused_before_anything_is_sent() {
    let world = World::start().await;
    world.receive_one("forum", message("m-1", "ada", "It leaks")).await;
    let mark = world.mark().await;
    for (name, content, format) in [
        ("a.csv", &b"\x7fELF\x02\x01\x01\0\0\0"[..], "csv"),
        ("a.csv", b"one,two\n1,2\n", "csv"),
        ("a.csv", b"", "csv"),
        ("a.mbox", b"no mailbox at all", "mbox"),
    ] {
        let (code, out, told) = import(&world, name, content, format).await;
        assert!(
            code == Some(2) || (code == Some(0) && out.contains("accepted 0")),
            "{name}: {code:?} {out}{told}"
        );
    }
    world.nothing_since(mark).await;
    world.end().await;
}
