//! Rules of cases for the organisation of the tests, beside [`POLICY`](tests::world::POLICY).

use proto::policy::v1::apply_request::File;
use tests::world::{POLICY, World};

/// In the north everything is there and nothing must be.
pub const NORTH: &str = r#"
[[case]]
level = "region/north"
resolutions = ["answered", "refunded"]
resolution_vocabulary = "closed"

[case.fields]
order = { name = "Order", type = "text" }
amount = { name = "Amount", type = "number" }
warranty = { name = "Warranty", type = "bool" }
bought = { name = "Bought", type = "date" }
product = { name = "Product", type = "choice", choices = ["kettle", "fan"] }
address = { name = "Address", type = "text", personal = true }

[case.categories]
defect = { name = "Defect" }
delivery = { name = "Delivery" }

[case.labels]
waiting-for-parts = { name = "Waiting for parts", status = "on_hold" }

[case.checklist]
told = { text = "The customer was told", required = false }
"#;

/// In the south nothing is resolved before everything is in order.
pub const SOUTH: &str = r#"
[[case]]
level = "region/south"
closing_post = "required"
assignee_required = true
category_required = true
category_vocabulary = "closed"
required_fields = ["order"]
reopen_window = "2 days"
auto_close_after = "3 days"

[case.fields]
order = { name = "Order", type = "text" }
serial = { name = "Serial number", type = "text" }

[case.categories]
defect = { name = "Defect", required_fields = ["serial"] }
praise = { name = "Praise" }

[case.checklist]
told = { text = "The customer was told" }
"#;

/// The files of the organisation with these rules beside.
pub fn files(rules: &[&str]) -> Vec<File> {
    let file = |name: String, text: &str| File { name, text: text.to_owned() };
    let rules = rules.iter().enumerate().map(|(i, text)| file(format!("rules-{i}.toml"), text));
    [file("policy.toml".into(), POLICY)].into_iter().chain(rules).collect()
}

/// Puts both into force.
pub async fn apply(world: &World) {
    dossier::sample::apply(&world.platform, files(&[NORTH, SOUTH])).await.expect("the rules are right");
}
