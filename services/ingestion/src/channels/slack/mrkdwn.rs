//! Text as Slack marks it up, made plain.

use crate::channels::wording::unescape;

/// The text without marks: `<https://a.example|here>` is `here (https://a.example)`, `<@U1>` is `@U1`, `&amp;` is `&`.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        plain.push_str(before);
        // A bare `<` is always escaped: this one opens a mark, or the text is cut off.
        let Some((mark, after)) = after.split_once('>') else {
            plain.push('<');
            rest = after;
            break;
        };
        add_mark(&mut plain, mark);
        rest = after;
    }
    plain.push_str(rest);
    unescape(&plain)
}

fn add_mark(plain: &mut String, mark: &str) {
    let (target, label) = mark.split_once('|').map_or((mark, ""), |(target, label)| (target, label));
    let named = |sign: char, id: &str| {
        format!("{sign}{}", if label.is_empty() { id } else { label.trim_start_matches(sign) })
    };
    let text = if let Some(id) = target.strip_prefix('@') {
        named('@', id)
    } else if let Some(id) = target.strip_prefix('#') {
        named('#', id)
    } else if let Some(command) = target.strip_prefix('!') {
        // `!here`, `!subteam^S1`, `!date^1700000000^{date}`.
        if command.starts_with("date^") && !label.is_empty() {
            label.to_owned()
        } else {
            named('@', command.rsplit('^').next().unwrap_or(command))
        }
    } else {
        let shown = target.strip_prefix("mailto:").or_else(|| target.strip_prefix("tel:")).unwrap_or(target);
        if label.is_empty() || label == shown { shown.to_owned() } else { format!("{label} ({shown})") }
    };
    plain.push_str(&text);
}
