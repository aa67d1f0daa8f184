//! Bodies at the webhooks that are too long, never end, come slowly, or are compressed: refused in bounded memory, at the real port.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use std::time::Duration;

use http::StatusCode;
use tests::world::World;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// The longest body of a webhook, in bytes.
const BODY_MAX: usize = 32 << 20;
/// A piece of a body, in bytes.
const PIECE: usize = 64 << 10;
/// What may come after the limit before the site hangs up: what is on its way in buffers.
const SLACK: usize = 16 << 20;
/// How long an answer may take in a test.
const AT_MOST: Duration = Duration::from_secs(60);

/// A site with an account that takes webhooks, and a connection to it.
async fn site() -> (World, tempfile::TempDir) {
    let folder = tempfile::TempDir::new().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "let me in").unwrap();
    let secret = secret.display();
    let world = World::start().await;
    let account = format!(
        "[[account]]\nid = \"wa\"\nname = \"A\"\nregion = \"north\"\nteam = \"north-care\"\nchannel = \"whatsapp\"\n\
         secrets = {{ app_secret = \"file:{secret}\", verify_token = \"file:{secret}\" }}\n\
         [[account]]\nid = \"vk\"\nname = \"B\"\nregion = \"north\"\nteam = \"north-care\"\nchannel = \"vk\"\n\
         secrets = {{ secret = \"file:{secret}\" }}\n"
    );
    let file = |name: &str, text: &str| proto::policy::v1::apply_request::File {
        name: name.into(),
        text: text.into(),
    };
    let files = vec![file("policy.toml", tests::world::POLICY), file("accounts.toml", &account)];
    dossier::sample::apply(&world.platform, files).await.unwrap();
    (world, folder)
}

async fn connect(world: &World, account: &str, head: &str) -> TcpStream {
    let mut stream = TcpStream::connect(world.platform.hooks.unwrap()).await.unwrap();
    let head = format!("POST /hooks/{account} HTTP/1.1\r\nhost: care.example\r\n{head}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// The status of the answer, and what came with it; none: it hung up.
async fn answer(stream: &mut TcpStream) -> Option<StatusCode> {
    let mut bytes = vec![0; 4_096];
    let read = tokio::time::timeout(AT_MOST, stream.read(&mut bytes)).await.expect("an answer in time");
    let text = String::from_utf8_lossy(&bytes[..read.ok()?]).into_owned();
    text.split(' ').nth(1)?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_says_that_it_is_too_long_is_not_read() {
    let (world, _folder) = site().await;
    let mark = world.mark().await;
    for length in [BODY_MAX + 1, usize::MAX >> 1] {
        let mut stream = connect(&world, "wa", &format!("content-length: {length}\r\n")).await;
        assert_eq!(answer(&mut stream).await, Some(StatusCode::PAYLOAD_TOO_LARGE), "before a byte of it");
    }
    world.nothing_since(mark).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_without_a_length_is_read_up_to_the_limit() {
    let (world, _folder) = site().await;
    let mark = world.mark().await;
    let mut stream = connect(&world, "wa", "transfer-encoding: chunked\r\n").await;
    let chunk = [format!("{PIECE:x}\r\n").as_bytes(), &[b'['; PIECE], b"\r\n"].concat();
    let mut poured = 0;
    // It never ends; sooner or later nobody takes it any more.
    while poured < BODY_MAX + SLACK {
        match tokio::time::timeout(AT_MOST, stream.write_all(&chunk)).await.expect("it is taken or refused") {
            Ok(()) => poured += PIECE,
            Err(_) => break,
        }
    }
    let status = answer(&mut stream).await;
    assert!(status.is_none_or(|status| status == StatusCode::PAYLOAD_TOO_LARGE), "{status:?}");
    assert!(poured <= BODY_MAX + SLACK, "{poured} bytes were taken");
    world.nothing_since(mark).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_bodies_take_nobodys_place() {
    let (world, _folder) = site().await;
    let mut slow = Vec::new();
    // More than all accounts together may have at once: nobody has proved anything yet.
    for _ in 0..300 {
        let mut stream = connect(&world, "wa", "content-length: 1000\r\n").await;
        stream.write_all(b"[").await.unwrap();
        slow.push(stream);
    }
    for account in ["wa", "vk"].into_iter().cycle().take(10) {
        let mut one = connect(&world, account, "content-length: 2\r\n").await;
        one.write_all(b"{}").await.unwrap();
        assert_eq!(answer(&mut one).await, Some(StatusCode::UNAUTHORIZED), "{account} goes on");
    }
    drop(slow);
    world.end().await;
}

/// A body is read as it came: what says that it is compressed is not unpacked, and proves nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compressed_body_is_not_unpacked() {
    let (world, _folder) = site().await;
    let mark = world.mark().await;
    let bomb = [b"\x1f\x8b\x08\0\0\0\0\0\0\x03".as_slice(), &[0xff; 4_096]].concat();
    for (account, encoding) in
        [("wa", "gzip"), ("vk", "gzip"), ("vk", "deflate"), ("wa", "br"), ("vk", "gzip, gzip")]
    {
        let head = format!("content-length: {}\r\ncontent-encoding: {encoding}\r\n", bomb.len());
        let mut stream = connect(&world, account, &head).await;
        stream.write_all(&bomb).await.unwrap();
        assert_eq!(answer(&mut stream).await, Some(StatusCode::UNAUTHORIZED), "{account}, {encoding}");
    }
    world.nothing_since(mark).await;
    world.end().await;
}

/// What has to be read before it can be proved is bounded like all else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_nothing_but_structure_is_refused() {
    let (world, _folder) = site().await;
    let mark = world.mark().await;
    let bodies = [
        format!("[{}1]", r#"{"":0},"#.repeat(500_000)),
        format!("[{}1]", "1,".repeat(2_000_000)),
        "[".repeat(4_000_000),
        format!("{{\"secret\":{}", "{\"a\":".repeat(100_000)),
    ];
    for body in bodies {
        let mut stream = connect(&world, "vk", &format!("content-length: {}\r\n", body.len())).await;
        stream.write_all(body.as_bytes()).await.unwrap();
        assert_eq!(answer(&mut stream).await, Some(StatusCode::UNAUTHORIZED));
    }
    world.nothing_since(mark).await;
    world.end().await;
}
