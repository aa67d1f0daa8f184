//! The command line as it is written: what is accepted, what is refused, what help says.

use clap::{CommandFactory, builder::Resettable, error::ErrorKind};

use super::*;

fn accepts(line: &str) {
    let args = std::iter::once("dossier").chain(line.split_whitespace());
    if let Err(error) = Cli::command().try_get_matches_from(args) {
        panic!("dossier {line}: {error}");
    }
}

fn refuses(line: &str) -> ErrorKind {
    let args = std::iter::once("dossier").chain(line.split_whitespace());
    match Cli::command().try_get_matches_from(args) {
        Ok(_) => panic!("dossier {line} is accepted"),
        Err(error) => error.kind(),
    }
}

#[test]
fn the_tree_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_of_the_contract_is_there() {
    for line in [
        "apply -f policy --dry-run",
        "policy show",
        "policy show case.reopen_window --team billing --as-of 2026-03-01T00:00:00Z",
        "import a.csv --account a --format csv --map external_id=id,text=t,author=a,sent_at=s,reply_to=r,inbound=i",
        "import a.csv --account a --format csv --preset twcs",
        "import a.mbox --account a --format mbox --own a@example.org --strict",
        "ledger --account a",
        "hook ls --limit 1000",
        "hook discard l1 l2",
        "hook discard --account a --reason x",
        "queue ls --team billing --region north",
        "queue ls billing --limit 200 -o ndjson",
        "agent ls --team billing --queue billing --presence online",
        "agent show",
        "agent show ana -o yaml",
        "agent online",
        "agent away ana --reason training",
        "agent busy --command-id 7f0c1a52-7d5c-4a59-9b06-0a5a3f0c9e11",
        "agent break --reason lunch",
        "agent offline me",
        "agent drain ana",
        "agent undrain",
        "agent next --queue billing",
        "agent accept PAR-1 --decision 2",
        "agent decline PAR-1 --reason conflict",
        "explain PAR-1/2",
        "explain PAR-1 -o json",
        "channel ls --troubled --limit 10",
        "channel show a",
        "channel hold a --reason maintenance",
        "channel release a --command-id 7f0c1a52-7d5c-4a59-9b06-0a5a3f0c9e11",
        "case ls",
        "case ls --status open,on-hold --priority high --sort waiting --limit 10 --not-snoozed",
        "case show PAR-1 --as-of par.1.7 --wait par.1.9",
        "case history PAR-1",
        "case open --account a --title x --field plan:choice=gold --tag vip",
        "case reply PAR-1 hello --seen m --closing --command-id 7f0c1a52-7d5c-4a59-9b06-0a5a3f0c9e11",
        "case reply PAR-1 -",
        "case reply PAR-1 hello --attach a.pdf --attach b.png --attach-again m7:2 --subject x",
        "case reply PAR-1 --attach a.pdf",
        "case reply PAR-1 --template order_update --language pt-BR --param 1=Ada --param 2=7",
        "case reply PAR-1 hello --tag human_agent",
        "case note PAR-1 hello --mention ben",
        "case assign PAR-1 me --expected-position par.1.7",
        "case unassign PAR-1",
        "case attachment PAR-1 m7 2 --file x.pdf",
        "case transfer PAR-1 billing --reason x",
        "case escalate PAR-1 billing --reason x --level 2",
        "case tag PAR-1 a b --remove c",
        "case tag PAR-1 --remove c",
        "case priority PAR-1 urgent",
        "case category PAR-1 refund",
        "case category PAR-1 --none",
        "case field PAR-1 seats:number=3 --clear plan",
        "case title PAR-1 x",
        "case language PAR-1 fr",
        "case label PAR-1 waiting",
        "case pend PAR-1",
        "case hold PAR-1 third-party --reason x --until 3d",
        "case continue PAR-1",
        "case snooze PAR-1 2h",
        "case wake PAR-1",
        "case resolve PAR-1 --waive forum=answered --resolution fixed",
        "case reopen PAR-1",
        "case close PAR-1",
        "case followup PAR-1",
        "case spam PAR-1",
        "case unspam PAR-1",
        "case silence PAR-1 troll",
        "case private PAR-1 --from a --to b --ack r",
        "case contact PAR-1 asked-public",
        "case check PAR-1 item --undo",
        "case merge PAR-1 --into PAR-2",
        "case unmerge PAR-1",
        "case split PAR-1 m1 m2",
        "case link PAR-1 child-of PAR-2",
        "case unlink PAR-1 duplicate-of PAR-2",
        "case bulk close PAR-1 PAR-2",
        "case bulk assign --to me -",
        "case watch",
        "case watch PAR-1 --after par.1.7",
        "customer show PAR-1 --as-of par.1.7 --wait par.1.9",
        "customer show mail_0123456789abcdef -o json",
        "customer consent PAR-1 link-profiles --text-version 3 --given-at 2026-03-01T00:00:00Z",
        "customer revoke PAR-1 c1 --expected-position par.1.7",
        "customer link PAR-1 PAR-2 --consent c1 --command-id 7f0c1a52-7d5c-4a59-9b06-0a5a3f0c9e11",
        "customer opt-out PAR-1 survey",
        "customer opt-in PAR-1 any",
        "event tail --category case,message --until-now",
        "event get case-1",
        "rebuild",
        "rebuild cases",
        "doctor -o json",
        "completions bash",
        "config view --origin",
        "version -o json",
    ] {
        accepts(line);
    }
}

#[test]
fn the_flags_of_everywhere_stand_everywhere() {
    accepts("-o json --server http://x:1 --token-file t --timeout 5s -q -vv --no-color case ls");
    accepts("case ls -o json --server http://x:1 --token t --data d --config-file f -q --no-color");
    for format in ["table", "wide", "json", "ndjson", "yaml", "csv", "name"] {
        accepts(&format!("case ls --output {format}"));
    }
}

#[test]
fn what_is_wrong_is_refused_before_anything_is_sent() {
    assert_eq!(refuses("case shw PAR-1"), ErrorKind::InvalidSubcommand);
    assert_eq!(refuses("case priority PAR-1 huge"), ErrorKind::InvalidValue);
    assert_eq!(refuses("case snooze PAR-1 yesterday"), ErrorKind::ValueValidation);
    assert_eq!(refuses("case close PAR-1 --command-id x"), ErrorKind::ValueValidation);
    assert_eq!(refuses("case reply PAR-1"), ErrorKind::MissingRequiredArgument);
    assert_eq!(refuses("case reply PAR-1 x --template t --tag t"), ErrorKind::ArgumentConflict);
    assert_eq!(refuses("case reply PAR-1 --template t --param a"), ErrorKind::ValueValidation);
    assert_eq!(refuses("case tag PAR-1"), ErrorKind::MissingRequiredArgument);
    assert_eq!(refuses("case category PAR-1"), ErrorKind::MissingRequiredArgument);
    assert_eq!(refuses("case merge PAR-1 PAR-2"), ErrorKind::UnknownArgument);
    assert_eq!(refuses("customer opt-out PAR-1 everything"), ErrorKind::InvalidValue);
    assert_eq!(refuses("customer consent PAR-1 survey"), ErrorKind::MissingRequiredArgument);
    assert_eq!(refuses("customer consent PAR-1 survey --text-version 0"), ErrorKind::ValueValidation);
    assert_eq!(refuses("case ls --limit 0"), ErrorKind::ValueValidation);
    assert_eq!(refuses("case ls -o xml"), ErrorKind::InvalidValue);
    assert_eq!(refuses("import a --account a --format xlsx"), ErrorKind::InvalidValue);
    assert_eq!(refuses("import a --account a --format csv --map text"), ErrorKind::ValueValidation);
    assert_eq!(refuses("queue ls a b"), ErrorKind::UnknownArgument);
    assert_eq!(refuses("queue ls --limit 201"), ErrorKind::ValueValidation);
    assert_eq!(refuses("queue ls a --team b"), ErrorKind::ArgumentConflict);
    assert_eq!(refuses("agent ls --presence gone"), ErrorKind::InvalidValue);
    assert_eq!(refuses("agent accept"), ErrorKind::MissingRequiredArgument);
    assert_eq!(refuses("agent accept PAR-1 --decision 0"), ErrorKind::ValueValidation);
    assert_eq!(refuses("agent asleep"), ErrorKind::InvalidSubcommand);
    assert_eq!(refuses("explain"), ErrorKind::MissingRequiredArgument);
    assert_eq!(refuses("apply"), ErrorKind::MissingRequiredArgument);
}

#[test]
fn help_begins_with_examples_and_ends_with_the_exit_codes() {
    let help = Cli::command().render_long_help().to_string();
    assert!(help.starts_with("Examples:\n  dossier up --sample"), "{help}");
    assert!(help.trim_end().ends_with("130 interrupted."), "{help}");
    for (line, example) in [
        ("case", "dossier case ls"),
        ("customer", "dossier customer show"),
        ("apply", "dossier apply -f"),
        ("import", "dossier import"),
    ] {
        let mut command = Cli::command();
        let help = command.find_subcommand_mut(line).unwrap().render_help().to_string();
        assert!(help.starts_with("Examples:\n") && help.contains(example), "{help}");
    }
}

#[test]
fn every_argument_says_what_it_is() {
    fn check(command: &clap::Command, path: &str) {
        for arg in command.get_arguments().filter(|arg| !matches!(arg.get_id().as_str(), "help" | "version"))
        {
            assert!(arg.get_help().is_some(), "{path}: {}", arg.get_id());
        }
        assert!(command.get_about().is_some(), "{path}");
        for sub in command.get_subcommands() {
            check(sub, &format!("{path} {}", sub.get_name()));
        }
    }
    check(&Cli::command(), "dossier");
}

/// The command line with nothing required, so that each flag can be tried alone.
fn lenient(command: clap::Command) -> clap::Command {
    let optional = |arg: clap::Arg| arg.required(false).required_unless_present(Resettable::Reset);
    let command = command.subcommand_required(false).arg_required_else_help(false);
    command.mut_args(optional).mut_subcommands(lenient)
}

#[test]
fn no_flag_takes_an_empty_value_for_none() {
    fn check(command: &clap::Command, path: &[&str], checked: &mut Vec<String>) {
        let flags = command.get_arguments().filter(|arg| arg.get_action().takes_values());
        for long in flags.filter_map(clap::Arg::get_long) {
            let line = ["dossier"].iter().chain(path).map(ToString::to_string).chain([format!("--{long}=")]);
            let refused =
                empty::matches(&mut lenient(empty::command()), line.map(Into::into)).map(|_| ()).unwrap_err();
            let told = refused.to_string();
            assert!(told.contains(&format!("--{long}")), "{path:?}: {told}");
            let kinds = [ErrorKind::ValueValidation, ErrorKind::InvalidValue];
            assert!(kinds.contains(&refused.kind()), "{path:?}: {told}");
            checked.push(long.to_owned());
        }
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            check(sub, &[path, &[sub.get_name()]].concat(), checked);
        }
    }
    let mut command = empty::command();
    command.build();
    let mut checked = Vec::new();
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        check(sub, &[sub.get_name()], &mut checked);
    }
    for long in ["as-of", "wait", "token", "expected-position", "customer", "text", "nats", "config"] {
        assert!(checked.iter().any(|one| one == long), "{long}");
    }
}

#[test]
fn an_empty_place_is_refused_where_it_can_be_left_out() {
    let refused = |line: &[&str]| {
        let line = ["dossier"].iter().chain(line).map(Into::into);
        empty::matches(&mut empty::command(), line).err().map(|error| error.kind())
    };
    assert_eq!(refused(&["policy", "show", ""]), Some(ErrorKind::ValueValidation));
    assert_eq!(refused(&["case", "ls", "--tag", "a,,b"]), Some(ErrorKind::ValueValidation));
    assert_eq!(refused(&["case", "show", "PAR-1", "--as-of", " "]), Some(ErrorKind::ValueValidation));
    assert_eq!(refused(&["case", "title", "PAR-1", ""]), None, "what a title may be the server knows");
    assert_eq!(refused(&["case", "field", "PAR-1", "plan="]), None, "a field can be empty");
}
