use proptest::prelude::*;

use super::*;

fn found(text: &str) -> Vec<&str> {
    find(text).into_iter().map(|link| &text[link.start..link.end]).collect()
}

#[test]
fn links_are_found_without_the_sentence_around_them() {
    for (text, links) in [
        ("see https://example.com/a?b=c#d.", vec!["https://example.com/a?b=c#d"]),
        ("HTTP://EXAMPLE.COM", vec!["HTTP://EXAMPLE.COM"]),
        ("(https://example.com/a_(b))", vec!["https://example.com/a_(b)"]),
        ("<https://a.example>,«https://b.example»", vec!["https://a.example", "https://b.example"]),
        ("https://a.example,https://b.example;x", vec!["https://a.example", "https://b.example;x"]),
        ("https://a.example/?u=https://b.example", vec!["https://a.example/?u=https://b.example"]),
        ("[here](https://example.com)", vec!["https://example.com"]),
        ("見てhttps://example.com/です", vec!["https://example.com/です"]),
        ("見て https://example.com/です", vec!["https://example.com/です"]),
        ("go to example.com, or www.example.co.uk/x!", vec!["example.com", "www.example.co.uk/x"]),
        ("mail ana@example.com", vec![]),
        ("3.5 kg, e.g. 10.30, a.b, v1.2.3 ... end.", vec![]),
        ("https:// http://", vec![]),
        ("xhttps://", vec![]),
        ("", vec![]),
    ] {
        assert_eq!(found(text), links, "{text}");
    }
}

#[test]
fn of_a_link_in_another_script_x_shortens_the_beginning() {
    let text = "https://example.com/пример/例";
    let link = find(text)[0];
    assert_eq!((&text[..link.shortened_to], link.end), ("https://example.com/пример/", text.len()));
}

proptest! {
    #[test]
    fn links_are_in_order_and_within_the_text(text in "(\\PC|[ .,;:/()]|https?://|www\\.|example\\.com|\u{301}|\u{600}){0,40}") {
        let mut last = 0;
        for link in find(&text) {
            prop_assert!(last <= link.start && link.start < link.end && link.end <= text.len());
            prop_assert!(link.start < link.shortened_to && link.shortened_to <= link.end);
            prop_assert!(text.is_char_boundary(link.start) && text.is_char_boundary(link.end));
            prop_assert!(text.is_char_boundary(link.shortened_to));
            last = link.end;
        }
    }
}
