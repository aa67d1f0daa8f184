//! The binary against a server that answers what it is told to: exit codes, streams, retries, tokens.

#![expect(clippy::unwrap_used, reason = "helpers of tests, which clippy takes for product code")]

mod server;

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Command, Output, Stdio},
};

use proto::ingestion::v1::submit_response::Outcome;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use server::Server;

/// The binary with nothing of this process's settings.
fn dossier(dir: &tempfile::TempDir, server: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dossier"));
    command.env_clear().env("DOSSIER_SERVER", server).current_dir(dir.path()).stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

struct Test {
    server: Server,
    dir: tempfile::TempDir,
}

impl Test {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("dossier-data")).unwrap();
        std::fs::write(dir.path().join("dossier-data/admin.token"), "good\n").unwrap();
        Self { server: Server::start(), dir }
    }

    fn command(&self) -> Command {
        dossier(&self.dir, &self.server.url)
    }

    fn run(&self, line: &str) -> Output {
        self.command().args(line.split_whitespace()).output().unwrap()
    }

    fn exit(&self, line: &str) -> i32 {
        self.run(line).status.code().unwrap()
    }
}

#[test]
fn beside_dossier_up_no_flag_is_needed() {
    let test = Test::new();
    let output = test.run("case ls");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let stdout = text(&output.stdout);
    let mut lines = stdout.lines();
    assert_eq!(lines.next(), Some("NUMBER\tSTATUS\tPRIORITY\tTEAM\tASSIGNEE\tWAITING\tTITLE\tUPDATED"));
    assert_eq!(
        lines.next(),
        Some("PAR-1\topen\thigh\tbilling\t\t2026-03-01T08:00:00Z\tevil\\u{1b}[2J\t2026-03-01T09:00:00Z")
    );
}

#[test]
fn json_is_the_answer_of_the_api() {
    let test = Test::new();
    let output = test.run("case ls -o json");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["cases"][0]["number"], "PAR-1");
    assert_eq!(answer["cases"][0]["waitingSince"], "2026-03-01T08:00:00Z");
    let lines = text(&test.run("case ls -o ndjson").stdout);
    assert_eq!(lines.lines().count(), 3, "both pages");
    assert_eq!(text(&test.run("case ls -o name --limit 1").stdout), "PAR-1\n");
}

#[test]
fn every_kind_of_failure_has_its_exit_code() {
    let test = Test::new();
    assert_eq!(test.exit("case show PAR-1"), 0);
    assert_eq!(test.exit("case show internal"), 1);
    assert_eq!(test.exit("case show invalid"), 2);
    assert_eq!(test.exit("case show --no-such-flag"), 2);
    assert_eq!(test.exit("case ls --as-of 2026-03-01T00:00:00Z"), 2);
    assert_eq!(test.exit("case show denied"), 3);
    assert_eq!(test.exit("case ls --token wrong"), 3);
    assert_eq!(test.exit("case show nowhere"), 4);
    assert_eq!(test.exit("case show refused"), 5);
    assert_eq!(test.exit("case show slow --timeout 1s"), 6);
    assert_eq!(test.exit("case ls --server http://127.0.0.1:1"), 6);
    assert_eq!(test.exit("--help"), 0);
    assert_eq!(test.exit("version"), 0);
}

#[test]
fn an_empty_value_is_neither_none_nor_the_administrator() {
    let test = Test::new();
    let refused = |arguments: &[&str], variable: Option<&str>| {
        let mut command = test.command();
        command.args(arguments).envs(variable.map(|name| (name, "")));
        let output = command.output().unwrap();
        (output.status.code().unwrap(), text(&output.stderr))
    };
    for (arguments, flag) in [
        (&["case", "note", "PAR-1", "y", "--expected-position", ""][..], "--expected-position"),
        (&["case", "show", "PAR-1", "--as-of", ""], "--as-of"),
        (&["case", "show", "PAR-1", "--wait="], "--wait"),
        (&["case", "ls", "--token", ""], "--token"),
        (&["case", "ls", "--customer", ""], "--customer"),
    ] {
        let (exit, told) = refused(arguments, None);
        assert_eq!(exit, 2, "{told}");
        assert!(told.contains(flag), "{told}");
    }
    assert!(test.server.state().command_ids.is_empty(), "nothing was sent");
    let (exit, told) = refused(&["case", "ls"], Some("DOSSIER_TOKEN"));
    assert_eq!(exit, 2, "{told}");
    assert!(told.contains("DOSSIER_TOKEN"), "{told}");
    for other in ["DOSSIER_OUTPUT", "DOSSIER_TIMEOUT", "DOSSIER_CONFIG_FILE", "DOSSIER_TOKEN_FILE"] {
        assert_eq!(refused(&["case", "ls"], Some(other)).0, 0, "{other} counts as not set");
    }
}

#[test]
fn an_error_says_what_why_and_the_next_command() {
    let test = Test::new();
    let output = test.run("case show invalid");
    assert!(output.stdout.is_empty());
    assert_eq!(
        text(&output.stderr),
        "error: the request is not valid\n  case_id: is not a case\\u{1b}[2J\n  reason INVALID_FIELD\n"
    );
    let missing = text(&test.run("case show nowhere").stderr);
    assert!(missing.contains("\nnext: look with `dossier case ls`"), "{missing}");
}

#[test]
fn a_command_is_sent_again_with_the_same_id() {
    let test = Test::new();
    test.server.state().away = 1;
    let output = test.run("case close PAR-1 -o json");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let ids = test.server.state().command_ids.clone();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn a_command_of_which_nobody_knows_says_how_to_go_on() {
    let test = Test::new();
    test.server.state().away = u32::MAX;
    let output = test.run("case close PAR-1");
    assert_eq!(output.status.code(), Some(6));
    let ids = test.server.state().command_ids.clone();
    assert_eq!(ids.len(), 2, "once more, and no more");
    assert!(text(&output.stderr).contains(&format!("--command-id {}", ids[0])), "{}", text(&output.stderr));
    test.server.state().away = 0;
    assert_eq!(test.exit(&format!("case close PAR-1 --command-id {}", ids[0])), 0);
    assert_eq!(test.server.state().command_ids[2], ids[0]);
}

#[test]
fn an_import_accounts_for_every_row() {
    let test = Test::new();
    let mut file = "external_id,text,author,sent_at\n".to_owned();
    for at in 0..1_000 {
        let sent = if at % 100 == 7 { "never" } else { "2026-03-01T08:00:00Z" };
        file += &format!("m{at},hello,a{at},{sent}\n");
    }
    std::fs::write(test.dir.path().join("a.csv"), file).unwrap();
    test.server.state().away = 2;
    let line = "import a.csv --account support --format csv";
    let first = test.run(line);
    assert_eq!(first.status.code(), Some(0), "{}", text(&first.stderr));
    assert_eq!(text(&first.stdout), "received 1000 = accepted 990 + duplicate 0 + rejected 10\n");
    assert!(
        text(&first.stderr).contains("rejected: line 9: sent_at is not a time"),
        "{}",
        text(&first.stderr)
    );
    let again = test.run(&format!("{line} -o json"));
    let answer: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!((&answer["accepted"], &answer["duplicate"]), (&0.into(), &990.into()));
    assert_eq!(test.exit(&format!("{line} --strict")), 1);
    assert_eq!(test.server.state().outcomes.values().filter(|&&o| o == Outcome::Accepted).count(), 990);
}

#[test]
fn an_import_that_breaks_off_says_how_far_it_came() {
    let test = Test::new();
    let rows = "m1,hello,a,2026-03-01T08:00:00Z\n";
    std::fs::write(test.dir.path().join("a.csv"), format!("external_id,text,author,sent_at\n{rows}"))
        .unwrap();
    let output = test.run("import a.csv --account forbidden --format csv");
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(text(&output.stdout), "received 0 = accepted 0 + duplicate 0 + rejected 0\n");
    let stderr = text(&output.stderr);
    assert!(stderr.contains("0 of 1 rows were accounted for"), "{stderr}");
    assert!(stderr.contains("next: ask an administrator"), "again would end the same: {stderr}");
    test.server.state().away = u32::MAX;
    let away = test.run("import a.csv --account support --format csv --timeout 1s");
    test.server.state().away = 0;
    assert_eq!(away.status.code(), Some(6));
    assert!(text(&away.stderr).contains("next: run the same import again"), "{}", text(&away.stderr));
    assert_eq!(test.exit("import nowhere.csv --account a --format csv"), 2);
}

#[test]
fn an_import_of_which_nothing_is_used_has_failed() {
    let test = Test::new();
    let rows = "external_id,text,author,sent_at\nm1,hello,a,never\nm2,hello,a,never\n";
    std::fs::write(test.dir.path().join("a.csv"), rows).unwrap();
    let output = test.run("import a.csv --account support --format csv");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "received 2 = accepted 0 + duplicate 0 + rejected 2\n");
    assert!(text(&output.stderr).contains("every row was rejected"), "{}", text(&output.stderr));
    std::fs::write(test.dir.path().join("a.csv"), rows.lines().next().unwrap()).unwrap();
    assert_eq!(test.exit("import a.csv --account support --format csv"), 0, "there was nothing to do");
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let test = Test::new();
    let made = Command::new("mkfifo").arg(test.dir.path().join("pipe")).status().unwrap();
    assert!(made.success());
    for path in ["pipe", "-", "/dev/null"] {
        for format in ["csv", "jsonl", "mbox", "eml"] {
            let output = test.run(&format!("import {path} --account support --format {format}"));
            let told = text(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{told}");
            assert!(told.contains(&format!("{path} is no file and no folder; save what it gives")), "{told}");
        }
    }
}

#[test]
fn a_server_that_dies_during_a_call_is_away() {
    /// An empty frame of HTTP/2 settings, with which a server begins.
    const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let test = Test::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, calls) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            connection.write_all(&SETTINGS).unwrap();
            let mut read = Vec::new();
            // The greeting and the head of the call; then it dies.
            while !String::from_utf8_lossy(&read).contains("SM\r\n\r\n") || read.len() < 120 {
                let mut some = [0; 256];
                match connection.read(&mut some) {
                    Ok(len) if len > 0 => read.extend_from_slice(&some[..len]),
                    _ => break,
                }
            }
            sender.send(()).unwrap();
        }
    });
    let output = test.run(&format!("case close PAR-1 --server {url}"));
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{told}");
    assert!(told.contains("whether it was done is not known: run it again with --command-id"), "{told}");
    assert!(calls.try_iter().count() >= 2, "it was sent once more");
}

#[test]
fn problems_of_policy_files_name_their_place() {
    let test = Test::new();
    std::fs::create_dir(test.dir.path().join("policy")).unwrap();
    std::fs::write(test.dir.path().join("policy/a.toml"), "good").unwrap();
    let good = test.run("apply -f policy --dry-run");
    assert_eq!(
        (good.status.code(), text(&good.stdout).as_str()),
        (Some(0), "CHANGE\tDOCUMENT\tFIELDS\nadded\tteam/billing\t\n")
    );
    let stale = test.run("apply -f policy --yes --expected-position par.1.1");
    let stderr = text(&stale.stderr);
    assert_eq!(stale.status.code(), Some(5), "{stderr}");
    assert!(stderr.contains("dossier event tail --category policy") && !stderr.contains("CASE"), "{stderr}");
    std::fs::write(test.dir.path().join("policy/a.toml"), "bad").unwrap();
    let bad = test.run("apply -f policy");
    assert_eq!(bad.status.code(), Some(2));
    let stderr = text(&bad.stderr);
    assert!(stderr.contains("policy/a.toml:1:2: no (yes)"), "{stderr}");
    assert!(stderr.contains("nothing was put into force: 1 problem\n"), "{stderr}");
    // What would go has to be meant.
    std::fs::write(test.dir.path().join("policy/a.toml"), "less").unwrap();
    let asked = test.run("apply -f policy");
    let stderr = text(&asked.stderr);
    assert_eq!((asked.status.code(), text(&asked.stdout).as_str()), (Some(2), ""), "{stderr}");
    assert!(stderr.contains("would remove 1 document") && stderr.contains("team/billing"), "{stderr}");
    assert!(stderr.contains("--yes"), "{stderr}");
    for meant in ["apply -f policy --yes", "apply -f policy --dry-run"] {
        assert_eq!(test.run(meant).status.code(), Some(0), "{meant}");
    }
    std::fs::write(test.dir.path().join("policy/a.toml"), "bad").unwrap();
    // What is wrong for `apply` is wrong for `up`.
    let data = test.dir.path().join("up");
    for folder in ["policy", "nowhere"] {
        let line = format!("up --data {} --listen 127.0.0.1:0 --config {folder}", data.display());
        let up = test.run(&line);
        assert_eq!(up.status.code(), Some(2), "{}", text(&up.stderr));
        assert!(text(&up.stderr).contains(folder), "{}", text(&up.stderr));
    }
}

#[test]
fn a_file_is_written_as_it_is_and_over_nothing() {
    let test = Test::new();
    let all = b"PAR-1 m7 1\0end";
    let out = test.run("case attachment PAR-1 m7 2");
    assert_eq!((out.status.code(), &out.stdout[..]), (Some(0), &all[..]));
    let path = test.dir.path().join("invoice.pdf");
    let fetch = format!("case attachment PAR-1 m7 2 --file {}", path.display());
    assert_eq!(test.run(&fetch).status.code(), Some(0));
    std::fs::write(&path, "mine").unwrap();
    let again = test.run(&fetch);
    assert_eq!(again.status.code(), Some(2), "{}", text(&again.stderr));
    assert!(text(&again.stderr).contains("invoice.pdf cannot be written"));
    assert_eq!(std::fs::read(&path).unwrap(), b"mine");
}

#[test]
fn a_watch_goes_on_where_it_broke_and_ends_with_ctrl_c() {
    let test = Test::new();
    let mut child =
        test.command().args(["case", "watch", "-o", "ndjson"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for position in ["par.1.1", "par.1.2", "par.1.3", "par.1.4"] {
        let answer: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(answer["position"], position);
    }
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(lines.next().is_none());
}

#[test]
fn a_closed_pipe_is_no_panic() {
    let test = Test::new();
    let mut child =
        test.command().args(["event", "tail"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::with_capacity(1, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("TIME\t"), "{first}");
    // The reader is gone, and the server goes on sending.
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(stderr, "");
}

#[test]
fn a_reply_can_come_from_stdin() {
    let test = Test::new();
    let mut child = test
        .command()
        .args(["case", "reply", "PAR-1", "-", "-o", "name"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all("Line one\nLine two\n".as_bytes()).unwrap();
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    assert_eq!(test.server.state().replies, ["Line one\nLine two"]);
}

#[test]
fn the_doctor_tells_what_is_broken() {
    let test = Test::new();
    let output = test.run("doctor -o json");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let state = |name: &str| {
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["check"] == name).map(|check| check["state"].clone())
    };
    assert_eq!(state("server"), Some("ok".into()), "{report}");
    assert_eq!(state("clock"), Some("ok".into()), "{report}");
    assert_eq!(state("token"), Some("ok".into()), "{report}");
    assert_eq!(state("data"), Some("ok".into()), "{report}");
    assert_eq!(state("parked"), Some("error".into()), "{report}");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(test.exit("doctor --server http://127.0.0.1:1"), 1);
}

#[test]
fn settings_tell_where_they_come_from() {
    let test = Test::new();
    std::fs::write(test.dir.path().join("dossier.toml"), "timeout = \"7s\"\ntoken = \"s3cret\"").unwrap();
    let output = test.run("config view --origin");
    let stdout = text(&output.stdout);
    assert!(stdout.contains(&format!("server\t{}\tenv DOSSIER_SERVER\n", test.server.url)), "{stdout}");
    assert!(stdout.contains("timeout\t7s\tfile dossier.toml\n"), "{stdout}");
    assert!(stdout.contains("token\t********\tfile dossier.toml\n"), "{stdout}");
    assert!(stdout.contains("data\t./dossier-data\tdefault\n"), "{stdout}");
}
